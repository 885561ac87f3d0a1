"""W&B sweeps as sources of a warm start."""

from __future__ import annotations

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.tracking import NotAllowed, warm_start_project
from sweep_operator.api.warm_start import WarmStartSource
from sweep_operator.engine.ports import WarmStartUnreadable
from sweep_operator.exchange.learner import Learned, Learner
from sweep_operator.pacing import Turns
from sweep_operator.tracking.history.messages import HistoryQuestion
from sweep_operator.tracking.history.reader import WandbHistory, WandbUnreadable

LINE_LIMIT = 32 * 1024 * 1024
"""Longest answer in bytes."""
PROCESSES = 2
"""A namespace uses one at a time."""


class WandbSources:
    """Reads W&B sweeps that the operator's configuration allows."""

    def __init__(self, config: OperatorConfig, history: WandbHistory | None = None) -> None:
        self._config, self._history = config, history or WandbHistory(line_limit=LINE_LIMIT)
        self._turns = Turns(range(PROCESSES))

    async def read(self, learner: Learner, source: WarmStartSource) -> Learned:
        """What is learned from ``source.wandb``. The process that reads it converts it too.

        Raises WarmStartUnreadable.
        """
        assert source.wandb is not None
        sweep = learner.sweep
        place = warm_start_project(sweep, source.wandb, self._config)
        if isinstance(place, NotAllowed):
            raise WarmStartUnreadable(place.message, lasting=True)
        question = HistoryQuestion(
            entity=place.entity,
            project=place.project,
            sweep_id=source.wandb.sweep_id,
            metric=sweep.spec.metric,
            objective=source.metric,
            cost=source.cost,
            limit=learner.limit,
            learner=learner,
        )
        try:
            async with self._turns.take(sweep.metadata.namespace):
                answer = await self._history.ask(place.base_url, question)
        except WandbUnreadable as error:
            raise WarmStartUnreadable(f"W&B sweep {source.wandb.sweep_id}: {error}", lasting=error.lasting) from None
        return answer.learned or Learned()
