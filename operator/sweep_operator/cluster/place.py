"""A cluster, for the commands and the page that change sweeps."""

from __future__ import annotations

from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import run_named, sweep_named, sweep_or_run
from sweep_operator.cluster.run_pods import PodLogs
from sweep_operator.commands.place import Found, LogSource
from sweep_operator.kube.protocol import Kind, Object


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

    def notes(self) -> list[str]:
        """None: the operator does the rest."""
        return []

    def about_edits(self) -> str:
        """Nothing."""
        return ""
