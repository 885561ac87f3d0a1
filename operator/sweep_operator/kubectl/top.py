"""``kubectl sweep top``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import click

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import runs_of, sweep_named
from sweep_operator.cluster.refusal import explain
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.output import echo
from sweep_operator.domain.conditions import has_ended
from sweep_operator.domain.ordering import display_order
from sweep_operator.kube.protocol import Forbidden, Kind, KubeError, Object
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.kubectl.usage import Usage, bytes_text, cores_text, usage_of
from sweep_operator.views.columns import columns_of, text_table
from sweep_operator.views.figures import duration, number
from sweep_operator.views.tables import spent

_METRICS = "metrics.k8s.io"
_COLUMNS = ("RUN", "STAGE", "ATTEMPT", "TIME", "COST", "EXPECTED", "GPUS", "CPU", "MEMORY", "NODE")


@dataclass
class _Snapshot:
    """The objects that the user may read, and a note for each part that is missing."""

    sweeps: list[Object]
    runs: dict[str, list[Object]]
    pods: list[Object] | None = None
    metrics: list[Object] | None = None
    notes: list[str] = field(default_factory=list)


@click.command()
@click.argument("sweep", type=SWEEP_NAME, required=False, shell_complete=complete_sweeps)
@cluster_options
def top(sweep: str | None) -> None:
    """Show the resource usage and cost of the active runs of SWEEP, or of all sweeps in the namespace.

    CPU and MEMORY come from the metrics API, if the cluster has one. GPUS come from the pods.
    """
    snapshot = in_cluster(lambda cluster: _read(cluster, sweep))
    for note in snapshot.notes:
        echo(f"note: {note}", err=True)
    for place, found in enumerate(snapshot.sweeps):
        name, cost = found["metadata"]["name"], (found.get("status") or {}).get("cost") or {}
        limit, unit = (found["spec"].get("limits") or {}).get("totalCost"), cost.get("unit") or "seconds"
        text = spent(cost.get("spent", 0), limit, unit, cost.get("wasted"))
        echo(f"{chr(10) if place else ''}{name}: spent {text}")
        _table(found, snapshot)
    if not snapshot.sweeps:
        echo("No active sweeps found.", err=True)


def _table(sweep: Object, snapshot: _Snapshot) -> None:
    now = datetime.now(UTC)
    live = [usage_of(r, sweep, snapshot.pods, snapshot.metrics, now) for r in snapshot.runs[sweep["metadata"]["name"]]]
    if not live:
        echo("no active runs")
        return
    echo(text_table(columns_of(_COLUMNS, [_row(usage) for usage in live])))
    cost = _total([u.cost for u in live])
    totals = [
        ("cost so far ", "" if cost is None else number(round(cost, 1)), ""),
        ("", number(_total([u.devices for u in live])), " GPUs"),
        ("", cores_text(_total([u.cpu for u in live])), " CPU"),
        ("", bytes_text(_total([u.memory for u in live])), " memory"),
    ]
    known = [f"{before}{value}{after}" for before, value, after in totals if value not in ("", "0")]
    echo(", ".join([f"{len(live)} active", *known]))


def _row(u: Usage) -> tuple[str, ...]:
    cost = number(u.cost if u.cost is None else round(u.cost, 1))
    used = number(u.devices), cores_text(u.cpu), bytes_text(u.memory)
    return u.run, u.stage, str(u.attempt or ""), duration(u.seconds), cost, number(u.predicted), *used, u.node


def _total(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


async def _read(cluster: Cluster, name: str | None) -> _Snapshot:
    labels = {MANAGED_BY_LABEL: MANAGED_BY}
    if name is not None:
        snapshot = _Snapshot([await sweep_named(cluster, name)], {name: await runs_of(cluster, name)})
        labels[SWEEP_LABEL] = name
    else:
        sweeps = (await cluster.kube.list(Kind.SWEEP, cluster.namespace)).items
        runs = sorted((await cluster.kube.list(Kind.SWEEP_RUN, cluster.namespace)).items, key=display_order)
        snapshot = _Snapshot(list(sweeps), {s["metadata"]["name"]: [] for s in sweeps})
        for run in runs:
            snapshot.runs.setdefault(run["spec"]["sweepName"], []).append(run)
    snapshot.runs = {sweep: [r for r in found if not has_ended(r)] for sweep, found in snapshot.runs.items()}
    if name is None:  # show a finished sweep only while one of its manual runs is active
        snapshot.sweeps = [s for s in snapshot.sweeps if not has_ended(s) or snapshot.runs[s["metadata"]["name"]]]
    try:
        snapshot.pods = list((await cluster.kube.list(Kind.POD, cluster.namespace, labels=labels)).items)
    except Forbidden as error:
        snapshot.notes.append(f"GPUS, CPU and MEMORY are not shown: {explain(str(error))}")
        return snapshot
    try:
        if await cluster.kube.serves(_METRICS):
            snapshot.metrics = list(await cluster.kube.pod_metrics(cluster.namespace, labels=labels))
        else:
            snapshot.notes.append(f"CPU and MEMORY are not shown: the cluster has no {_METRICS} (metrics-server)")
    except KubeError as error:
        snapshot.notes.append(f"CPU and MEMORY are not shown: {explain(str(error))}")
    return snapshot
