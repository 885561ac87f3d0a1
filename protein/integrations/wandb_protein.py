"""WandbProtein: an optimizer that stores its observations in a W&B sweep.

Each program of the sweep is one W&B run. It learns from the earlier runs, makes a suggestion and records the result:

    protein = WandbProtein(Protein(space), wandb.init(project="p"))
    suggestion, info = protein.suggest()
    protein.record_observation(objective=0.87, cost=120.0)

W&B is queried once, before the first suggestion, and only by a run that is online and part of a sweep. wandb is an
optional dependency and is imported only for that query.
"""

from __future__ import annotations

import logging
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from protein.analysis.failures import LEARNED
from protein.base import Optimizer
from protein.integrations.wandb_history import HistoricalRun, WandbRecord, read_run
from protein.integrations.wandb_summary import write_failure, write_success, write_suggestion
from protein.searchspace.parameters import plain
from protein.searchspace.paths import flatten
from protein.space import SpaceError

log = logging.getLogger(__name__)

PER_PAGE = 250
TIMEOUT_SECONDS = 30
"""Timeout of one request for the history."""


class HistoryUnavailable(RuntimeError):
    """The runs of the sweep cannot be read. Without them, suggestions would repeat earlier runs."""


class WandbProtein:
    """An optimizer connected to a W&B run and its sweep.

    Args:
        optimizer: Protein, or another optimizer from ``make_optimizer``.
        wandb_run: an unfinished run. Default: the active run of this process. Without a run, nothing is written.
        metric: summary key of the objective of runs without protein.* keys.
        load_history: learn from the other runs of the sweep before the first suggestion.

    Raises:
        HistoryUnavailable: raised by ``suggest`` and ``load_history`` if the runs of the sweep cannot be read.

    Example:
        >>> protein = WandbProtein(Protein(space), wandb.init(project="p"))  # doctest: +SKIP
        >>> suggestion, info = protein.suggest()  # doctest: +SKIP
    """

    def __init__(
        self, optimizer: Optimizer, wandb_run: Any = None, *, metric: str = "score", load_history: bool = True
    ) -> None:
        self.optimizer = optimizer
        self.run = wandb_run if wandb_run is not None else active_run()
        self.counts: Counter[str] = Counter()
        """Number of runs by state: success, failure, running, defunct, unscored, not learned, foreign (other space)."""
        self._metric = metric
        self._history_wanted = load_history
        self._pending: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None

    def suggest(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Suggest a configuration (nested), with predictions. It stays open until its result is recorded.

        Raises HistoryUnavailable.
        """
        self.load_history()
        suggestion, info = self.optimizer.suggest(pending=self._pending)
        self._open = flatten(suggestion)
        details = info.to_dict()
        if self.run is not None:
            write_suggestion(self.run, suggestion, details)
        return suggestion, details

    def record_observation(self, objective: float, cost: float) -> None:
        """Record the result of the last suggestion. An objective that is not finite is a failure.

        Raises RuntimeError if there is no suggestion, or if it already has a result.
        """
        self.optimizer.observe(self._opened("record_observation"), score=objective, cost=cost, strict=False)
        self._open = None
        score, spent = float(plain(objective)), float(plain(cost))
        if self.run is None:
            return
        if math.isfinite(score):
            write_success(self.run, score, spent)
        else:
            write_failure(self.run, f"the objective is not finite: {score}", spent)

    def record_failure(self, error_message: str = "", cost: float | None = None) -> None:
        """Record that the last suggestion failed. Later suggestions avoid its region. Raises RuntimeError likewise."""
        self.optimizer.observe(self._opened("record_failure"), cost=cost, is_failure=True, strict=False)
        self._open = None
        if self.run is not None:
            write_failure(self.run, error_message, None if cost is None else float(plain(cost)))

    def load_history(self) -> None:
        """Learn from the other runs of the sweep, once. Does nothing without an online run that is part of a sweep.

        Raises HistoryUnavailable.
        """
        if not self._history_wanted or self.run is None or self.run.disabled or self.run.offline:
            return
        if not self.run.sweep_id:
            return
        found = list(_runs_of_sweep(self.run, self._metric))
        self._history_wanted = False
        for run in reversed(found):  # the query returns the newest first
            self.counts[self._learn(run)] += 1
        log.info("W&B sweep %s: %s", self.run.sweep_id, dict(self.counts) or "no other runs")

    def _learn(self, run: HistoricalRun) -> str:
        params = {k: v for k, v in run.params.items() if k in self.optimizer.space.parameters}
        if run.state in ("defunct", "unscored"):
            return run.state
        learned = LEARNED.get(run.failure_class) if run.failure_class else "infeasible"
        if run.state == "failure" and (learned is None or (learned != "infeasible" and run.cost is None)):
            return "not learned"
        try:
            if not params:
                raise SpaceError("it has no parameter of this search space")
            self.optimizer.space.validate(params)
        except SpaceError as error:
            log.warning("skipping W&B run %s: %s", run.id, error)
            return "foreign"
        if run.state == "running":
            self._pending.append(params)
        else:
            failed = run.state == "failure"
            self.optimizer.observe(
                params, cost=run.cost, strict=False,
                score=run.last_report if learned == "last report" else run.objective,
                is_failure=failed and learned == "infeasible",
                cost_is_lower_bound=failed and learned != "infeasible",
            )  # fmt: skip
        return run.state

    def _opened(self, what: str) -> dict[str, Any]:
        if self._open is None:
            raise RuntimeError(f"{what}: no suggestion is open; call suggest() first, and record each result once")
        return self._open


def active_run() -> Any:
    """The W&B run of this process, or None. Never imports wandb."""
    module = sys.modules.get("wandb")
    return getattr(module, "run", None) if module is not None else None


def _runs_of_sweep(own: Any, metric: str) -> Iterator[HistoricalRun]:
    """Every other run of ``own``'s sweep, the newest first, PER_PAGE per request."""
    import wandb

    place = f"{own.entity}/{own.project}"
    now = datetime.now(UTC)
    try:
        api = wandb.Api(overrides={"base_url": own.settings.base_url}, timeout=TIMEOUT_SECONDS)
        runs = api.runs(
            place, {"sweep": own.sweep_id}, order="-created_at", per_page=PER_PAGE, include_sweeps=False, lazy=False
        )
        for run in runs:
            if run.id != own.id:
                summary: Mapping[str, Any] = run.summary_metrics
                record = WandbRecord(run.id, run.state, run.config, summary, run.heartbeat_at)
                yield read_run(record, now, metric=metric)
    except Exception as error:  # the SDK's errors have no common base class, and some are internal
        raise HistoryUnavailable(
            f"the runs of W&B sweep {place}/{own.sweep_id} cannot be read: {error}; retry, or continue without them: "
            "load_history=False"
        ) from error
