"""Warm-start sources on a cluster: other Sweeps and ConfigMaps of the same namespace, and W&B."""

from __future__ import annotations

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.engine.ports import WarmStartRows, WarmStartUnreadable
from sweep_operator.engine.warm_start_rows import NewestRuns, read_config_map, read_runs, read_sources
from sweep_operator.exchange.learner import Learned, Learner
from sweep_operator.kube.protocol import Kind, Kube, KubeError, NotFound
from sweep_operator.pacing import Turns
from sweep_operator.sandbox.tasks import Evaluator
from sweep_operator.tracking.history.warm_start import WandbSources


class ClusterWarmStart:
    """Reads warm-start sources in a cluster."""

    def __init__(self, kube: Kube, wandb: WandbSources, evaluator: Evaluator) -> None:
        self._kube, self._wandb, self._evaluator = kube, wandb, evaluator
        self._turns = Turns([None])
        """A sweep may have ten thousand runs, so one is read at a time."""

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> WarmStartRows:
        """Observations of all sources, newest first. Raises WarmStartUnreadable."""
        namespace = sweep.metadata.namespace

        async def read_one(source: WarmStartSource, learner: Learner) -> Learned:
            if source.sweep is not None:
                async with self._turns.take(namespace):
                    return await self._read_sweep(learner, source.sweep)
            if source.config_map is not None:
                return await read_config_map(self._kube, self._evaluator, learner, source)
            if source.file is not None:
                raise WarmStartUnreadable(
                    f"file {source.file}: the operator cannot read local files; use configMap", lasting=True
                )
            return await self._wandb.read(learner, source)

        return await read_sources(sweep, warm_start, read_one, self._evaluator)

    async def _read_sweep(self, learner: Learner, name: str) -> Learned:
        namespace = learner.sweep.metadata.namespace
        newest = NewestRuns(name)
        try:
            found = await self._kube.get(Kind.SWEEP, namespace, name)
            async for page in self._kube.pages(Kind.SWEEP_RUN, namespace, labels={SWEEP_LABEL: name}):
                await newest.add(page.items)
        except NotFound as error:
            raise WarmStartUnreadable(f"no Sweep {name!r} in namespace {namespace}") from error
        except KubeError as error:
            raise WarmStartUnreadable(f"Sweep {name!r} cannot be read: {error}") from error
        return await read_runs(self._evaluator, learner, found, newest)
