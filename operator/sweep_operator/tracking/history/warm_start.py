"""W&B sweeps as sources of a warm start."""

from __future__ import annotations

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.tracking import NotAllowed, warm_start_project
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.engine.ports import WarmStartUnreadable
from sweep_operator.exchange.row import Row
from sweep_operator.tracking.history.messages import HistoryQuestion
from sweep_operator.tracking.history.reader import WandbHistory, WandbUnreadable, rows_of_answer

LINE_LIMIT = 32 * 1024 * 1024
"""Longest answer in bytes: the operator's own process parses it."""


class WandbSources:
    """Reads W&B sweeps that the operator's configuration allows."""

    def __init__(self, config: OperatorConfig, history: WandbHistory | None = None) -> None:
        self._config, self._history = config, history or WandbHistory(line_limit=LINE_LIMIT)

    async def read(self, sweep: Sweep, warm_start: WarmStart, source: WarmStartSource) -> list[Row]:
        """Rows of ``source.wandb``, newest first, up to ``maxObservations``. Raises WarmStartUnreadable."""
        assert source.wandb is not None
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
            limit=warm_start.max_observations,
        )
        try:
            return rows_of_answer(await self._history.ask(place.base_url, question))
        except WandbUnreadable as error:
            raise WarmStartUnreadable(f"W&B sweep {source.wandb.sweep_id}: {error}", lasting=error.lasting) from None
