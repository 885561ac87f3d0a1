"""A cluster, for the commands that change sweeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sweep_operator.commands.place import Found, LogSource, Place, Program
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.lookup import run_named, sweep_named, sweep_or_run
from sweep_operator.kubectl.names import complete_failed_runs, complete_parameters, complete_runs, complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.kubectl.run_pods import PodLogs


class ClusterPlace:
    """The sweeps of a namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def sweep(self, name: str) -> Found:
        """The Sweep."""
        return Found(self._cluster.kube, Kind.SWEEP, await sweep_named(self._cluster, name))

    async def run(self, name: str) -> Found:
        """The SweepRun."""
        return Found(self._cluster.kube, Kind.SWEEP_RUN, await run_named(self._cluster, name))

    async def sweep_or_run(self, name: str) -> Found:
        """The object called ``name``, ``sweep/name`` or ``sweeprun/name``."""
        return Found(self._cluster.kube, *await sweep_or_run(self._cluster, name))

    async def sweep_of(self, run: Found) -> Found:
        """The Sweep that the run names."""
        return await self.sweep(run.obj["spec"]["sweepName"])

    def name(self, obj: Object) -> str:
        """The object's name."""
        return str(obj["metadata"]["name"])

    def title(self, kind: Kind, obj: Object) -> str:
        """As kubectl prints it after a change."""
        return f"{kind.lower()}.metta.ai/{self.name(obj)}"

    def logs(self, run: Found) -> LogSource:
        """The logs of the run's pods."""
        return PodLogs(self._cluster, run.name)


def _run(work: Callable[[Place], Awaitable[None]], **_: Any) -> None:
    in_cluster(lambda cluster: work(ClusterPlace(cluster)))


KUBECTL_SWEEP = Program(
    name="kubectl sweep",
    options=cluster_options,
    run=_run,
    complete_sweeps=complete_sweeps,
    complete_runs=complete_runs,
    complete_failed_runs=complete_failed_runs,
    complete_parameters=complete_parameters,
    has_pods=True,
)
