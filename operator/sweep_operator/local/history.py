"""Warm-start sources of local mode: other sweeps of the same runs directory, ConfigMaps of the sweep's own store."""

from __future__ import annotations

from pathlib import Path

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.sweep import Sweep, WarmStart, WarmStartSource
from sweep_operator.decide.plan import Observation
from sweep_operator.engine.history_rows import of_runs, read_config_map, read_sources
from sweep_operator.engine.ports import HistoryUnreadable
from sweep_operator.kube.embedded import open_readonly
from sweep_operator.kube.protocol import Kind, Kube, KubeError


class LocalHistory:
    """The HistoryReader of local mode."""

    def __init__(self, runs_dir: Path, kube: Kube) -> None:
        self._runs_dir, self._kube = runs_dir, kube

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> list[Observation]:
        """Observations of all sources, newest first. Raises HistoryUnreadable."""
        return await read_sources(warm_start, lambda source: self._read_one(sweep, source))

    async def _read_one(self, sweep: Sweep, source: WarmStartSource) -> list[Observation]:
        if source.sweep is not None:
            return await self._read_sweep(source.sweep)
        if source.config_map is not None:
            return await read_config_map(self._kube, sweep.metadata.namespace, source.config_map)
        text = "spec.warmStart.from.wandb: is not available here; use sweep or configMap"
        raise HistoryUnreadable(text, lasting=True)

    async def _read_sweep(self, name: str) -> list[Observation]:
        for path in sorted(self._runs_dir.glob("*/state.db")):
            try:
                kube = open_readonly(path)
                sweeps = (await kube.list(Kind.SWEEP)).items
                if not any(name in (s["metadata"]["name"], s["spec"].get("displayName")) for s in sweeps):
                    continue
                return of_runs((await kube.list(Kind.SWEEP_RUN)).items)
            except (KubeError, InvalidObject, OSError) as error:
                raise HistoryUnreadable(f"sweep {name!r} in {path} cannot be read: {error}") from error
        raise HistoryUnreadable(f"no sweep {name!r} below {self._runs_dir}")
