"""Warm-start sources on a cluster: other Sweeps and ConfigMaps of the same namespace."""

from __future__ import annotations

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.api.sweep import Sweep, WarmStart, WarmStartSource
from sweep_operator.decide.plan import Observation
from sweep_operator.engine.history_rows import of_runs, read_config_map, read_sources
from sweep_operator.engine.ports import HistoryUnreadable
from sweep_operator.kube.protocol import Kind, Kube, KubeError, NotFound


class ClusterHistory:
    """The HistoryReader of the operator."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> list[Observation]:
        """Observations of all sources, newest first. Raises HistoryUnreadable."""
        return await read_sources(warm_start, lambda source: self._read_one(sweep, source))

    async def _read_one(self, sweep: Sweep, source: WarmStartSource) -> list[Observation]:
        namespace = sweep.metadata.namespace
        if source.sweep is not None:
            return await self._read_sweep(namespace, source.sweep)
        if source.config_map is not None:
            return await read_config_map(self._kube, namespace, source.config_map)
        text = "spec.warmStart.from.wandb: is not available here; use sweep or configMap"
        raise HistoryUnreadable(text, lasting=True)

    async def _read_sweep(self, namespace: str, name: str) -> list[Observation]:
        try:
            await self._kube.get(Kind.SWEEP, namespace, name)
            listed = await self._kube.list(Kind.SWEEP_RUN, namespace, labels={SWEEP_LABEL: name})
            return of_runs(listed.items)
        except NotFound as error:
            raise HistoryUnreadable(f"no Sweep {name!r} in namespace {namespace}") from error
        except (KubeError, InvalidObject) as error:
            raise HistoryUnreadable(f"Sweep {name!r} cannot be read: {error}") from error
