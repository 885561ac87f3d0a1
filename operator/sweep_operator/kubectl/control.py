"""``kubectl sweep suspend``, ``resume`` and ``stop``."""

from __future__ import annotations

import click

from sweep_operator.commands.output import echo
from sweep_operator.domain.conditions import condition_of, has_ended
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.lookup import sweep_named, sweep_or_run
from sweep_operator.kubectl.names import complete_sweeps, complete_sweeps_and_runs
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options


@click.command()
@click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=complete_sweeps)
@cluster_options
def suspend(sweeps: tuple[str, ...]) -> None:
    """Suspend SWEEPS: no new runs start. spec.suspendPolicy decides whether active runs finish or stop."""
    in_cluster(lambda cluster: _edit_sweeps(cluster, sweeps, {"suspend": True}, "suspended"))


@click.command()
@click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=complete_sweeps)
@cluster_options
def resume(sweeps: tuple[str, ...]) -> None:
    """Resume SWEEPS that were suspended or stopped."""
    in_cluster(lambda cluster: _edit_sweeps(cluster, sweeps, {"suspend": False, "stop": False}, "resumed"))


@click.command()
@click.argument("names", nargs=-1, required=True, shell_complete=complete_sweeps_and_runs)
@cluster_options
def stop(names: tuple[str, ...]) -> None:
    """Stop NAMES now. A stopped sweep can be resumed. A stopped run cannot, and the optimizer ignores it."""

    async def work(cluster: Cluster) -> None:
        for name in names:
            kind, found = await sweep_or_run(cluster, name)
            if has_ended(found):
                _echo(kind, found, f"has already ended ({condition_of(found, 'Succeeded')['reason']})")
            else:
                await _edit(cluster, kind, found, {"stop": True}, "stopped")

    in_cluster(work)


async def _edit_sweeps(cluster: Cluster, names: tuple[str, ...], fields: dict[str, bool], done: str) -> None:
    for name in names:
        await _edit(cluster, Kind.SWEEP, await sweep_named(cluster, name), fields, done)


async def _edit(cluster: Cluster, kind: Kind, found: Object, fields: dict[str, bool], done: str) -> None:
    """Patch only the fields that differ; without a difference, send no request."""
    wanted = {field: value for field, value in fields.items() if bool(found["spec"].get(field)) != value}
    if not wanted:
        _echo(kind, found, f"{done} (unchanged)")
        return
    await cluster.kube.patch(kind, cluster.namespace, found["metadata"]["name"], {"spec": wanted})
    _echo(kind, found, done)


def _echo(kind: Kind, found: Object, what: str) -> None:
    echo(f"{kind.lower()}.metta.ai/{found['metadata']['name']} {what}")
