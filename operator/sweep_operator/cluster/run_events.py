"""The Events about the runs of a sweep and about their pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from sweep_operator.api.names import RUN_LABEL, SWEEP_LABEL
from sweep_operator.cluster.access import Cluster
from sweep_operator.kube.protocol import Forbidden, Kind, Object
from sweep_operator.views.events import events_of_runs


async def events_by_run(
    cluster: Cluster, sweep: str, runs: Iterable[tuple[str, str]]
) -> Mapping[str, Sequence[Object]]:
    """By name of the run, as far as the user may list Events and pods. ``runs``: uid and name of each."""
    names = dict(runs)
    with suppress(Forbidden):
        for pod in (await cluster.kube.list(Kind.POD, cluster.namespace, labels={SWEEP_LABEL: sweep})).items:
            names[pod["metadata"]["uid"]] = pod["metadata"]["labels"].get(RUN_LABEL, "")
    with suppress(Forbidden):
        return events_of_runs((await cluster.kube.list(Kind.EVENT, cluster.namespace)).items, names)
    return {}
