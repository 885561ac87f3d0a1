"""Sums over all runs of a Sweep, run by run instead of from scratch: the same for every order of the changes."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Literal

from protein.analysis.conformal import Side
from protein.analysis.pareto import goal_sign
from sweep_operator.api.early_stopping import EarlyStoppingStatus
from sweep_operator.api.status import (
    MAX_BEST,
    MAX_FAILURES,
    MAX_PARETO,
    BestRun,
    Calibration,
    CostStatus,
    LatestFailure,
    ParetoPoint,
    RunCounts,
)
from sweep_operator.api.sweeprun import Stage
from sweep_operator.decide.calibration import Quantity, calibration_of
from sweep_operator.decide.exact_sums import ExactSums
from sweep_operator.decide.extremes import Front, Streak, Top
from sweep_operator.decide.facts import RunFacts
from sweep_operator.decide.start_failure import REMEDIES
from sweep_operator.decide.stopping_totals import StoppingTotals

Goal = Literal["maximize", "minimize"]


class Totals:
    """The sums. ``remove`` may not be possible; then they have to be built again from all runs."""

    def __init__(self, goal: Goal) -> None:
        sign = goal_sign(goal)
        self._counts: Counter[str] = Counter()
        self._sums = ExactSums()
        self._waits: dict[tuple[int, str], tuple[str, str]] = {}
        self._best = Top(MAX_BEST, lambda r: (not r.within, -sign * (r.score or 0.0), r.cost or 0.0, r.order))
        self._latest = Top(MAX_FAILURES, lambda r: r.moment, last=True)
        self._fronts = {True: Front(sign), False: Front(sign)}
        """Of the runs that reach the thresholds of spec.objectives, and of the others."""
        self._streaks: dict[str, Streak] = {}
        self._start_failures: dict[tuple[str, str], RunFacts] = {}
        self.stopping = StoppingTotals()
        self.highest_index = -1

    def copy(self) -> Totals:
        """An independent copy."""
        twin = copy.copy(self)
        twin._counts, twin._sums, twin._waits = self._counts.copy(), self._sums.copy(), self._waits.copy()
        twin._best, twin._latest = self._best.copy(), self._latest.copy()
        twin._fronts = {within: front.copy() for within, front in self._fronts.items()}
        twin._streaks, twin._start_failures = self._streaks.copy(), self._start_failures.copy()
        twin.stopping = self.stopping.copy()
        return twin

    # -- changes ----------------------------------------------------------------------------------------------------

    def add(self, run: RunFacts) -> None:
        """Add a run."""
        self._sum(run, 1)
        self.highest_index = max(self.highest_index, -1 if run.index is None else run.index)
        if run.waits is not None:
            self._waits[run.order] = run.waits
        if run.score is not None:
            self._best.add(run)
            self._fronts[run.within].add(run)
        if _is_reported(run):
            self._latest.add(run)
        if (kind := _start_failure(run)) is not None:
            known = self._start_failures.get(kind, run)
            self._start_failures[kind] = max(known, run, key=_decided)
        if run.ended is not None and run.template_hash is not None:
            self._streaks[run.template_hash] = self._streaks.get(run.template_hash, Streak()).plus(run)

    def remove(self, run: RunFacts, *, for_: RunFacts | None = None) -> bool:
        """Take a run away. False: it made a difference that cannot be undone, and these sums are invalid.

        ``for_``: what is added in its place, with the same index.
        """
        self._sum(run, -1)
        self._waits.pop(run.order, None)
        if run.index == self.highest_index and (for_ is None or for_.index != run.index):
            return False
        if run.ended is None:
            return True
        if run.template_hash is not None:
            left = self._streaks[run.template_hash].minus(run)
            if left is None:
                return False
            self._streaks[run.template_hash] = left
        fronts = (run for front in self._fronts.values() for run in front.runs)
        extremes = (*self._best.runs, *fronts, *self._latest.runs, *self._start_failures.values())
        return all(other.name != run.name for other in extremes)

    def replace(self, old: RunFacts, new: RunFacts) -> bool:
        """Replace the facts of one run. False: as for ``remove``."""
        if replace(old, delivered=new.delivered) == new:
            self._counts["delivered"] += _counts_as_delivered(new) - _counts_as_delivered(old)
            return True
        valid = self.remove(old, for_=new)
        if valid:
            self.add(new)
        return valid

    def _sum(self, run: RunFacts, sign: int) -> None:
        counts = self._counts
        counts["created"] += sign
        counts[run.state] += sign
        counts["own"] += sign * (run.index is not None)
        counts["ended"] += sign * (run.ended is not None and not run.imported)
        counts["delivered"] += sign * _counts_as_delivered(run)
        for stage in run.proven:
            counts[f"proven {stage}"] += sign
        counts["observations"] += sign * (run.observation is not None)
        counts["failures"] += sign * (run.failure is not None and not run.imported and run.failure.counts != "never")
        self._sums.add("spent", run.spent, sign)
        self._sums.add("wasted", run.wasted, sign)
        self._sums.add("pruned", run.spent if run.state == "pruned" else 0.0, sign)
        if run.observation is not None:
            self._compare("score", run.observation.score_side, run.score_density, sign)
            self._compare("cost", run.observation.cost_side, run.cost_density, sign)
        if run.stopping is not None:
            self.stopping.sum(run.order, run.stopping, sign)

    def _compare(self, quantity: Quantity, side: Side | None, density: float | None, sign: int) -> None:
        if side is None or density is None:
            return
        self._counts[f"compared {quantity}"] += sign
        self._counts[f"inside {quantity}"] += sign * (side == 0)
        self._sums.add(f"density {quantity}", density, sign)

    # -- sums -------------------------------------------------------------------------------------------------------

    @property
    def own(self) -> int:
        """Runs that the operator created."""
        return self._counts["own"]

    @property
    def open(self) -> int:
        """Runs that have not ended."""
        return self._counts["pending"] + self.holding

    @property
    def holding(self) -> int:
        """Runs that hold a slot."""
        return self._counts["running"] + self._counts["evaluating"]

    @property
    def failures(self) -> int:
        """Failed runs that count toward limits.maxFailedRuns."""
        return self._counts["failures"]

    @property
    def ended(self) -> int:
        """Runs that have ended here: imported ones do not count."""
        return self._counts["ended"]

    @property
    def delivered(self) -> int:
        """Those of them that the tracker has."""
        return self._counts["delivered"]

    @property
    def observations(self) -> int:
        """Results that the optimizer learns from."""
        return self._counts["observations"]

    @property
    def best_score(self) -> float | None:
        """The score of the best run."""
        return self._best.runs[0].score if self._best.runs else None

    @property
    def reached_score(self) -> float | None:
        """The score of the best run that reaches the thresholds of spec.objectives."""
        return self.best_score if self._best.runs and self._best.runs[0].within else None

    @property
    def best_run(self) -> str | None:
        """The name of the best run."""
        return self._best.runs[0].name if self._best.runs else None

    def counts(self) -> RunCounts:
        """Runs by state."""
        states = ("created", "pending", "running", "evaluating", "succeeded", "pruned", "failed")
        return RunCounts(**{state: self._counts[state] for state in states})

    def costs(self, unit: str) -> CostStatus:
        """Cost of the runs that exist. Wasted and pruned are the parts that did not lead to a score."""
        parts = {name: self._sums[name] for name in ("spent", "wasted", "pruned")}
        return CostStatus(**parts, unit=unit)

    def best(self) -> list[BestRun]:
        """The ten best runs by observed score. Equal scores are ordered by cost, then by the order of the start.

        Only those that reach the thresholds of spec.objectives, unless none does.
        """
        runs = [r for r in self._best.runs if r.within] or self._best.runs
        return [
            BestRun(run=r.name, score=r.score or 0.0, cost=r.cost, metrics=r.metrics, parameters=r.parameters)
            for r in runs
        ]

    def pareto(self) -> list[ParetoPoint]:
        """Pareto-optimal runs by ascending cost. Of more than 64, the ends and evenly spaced runs between them."""
        front = self._front
        last = len(front) - 1
        if last >= MAX_PARETO:
            front = [front[round(i * last / (MAX_PARETO - 1))] for i in range(MAX_PARETO)]
        return [ParetoPoint(run=r.name, score=r.score or 0.0, cost=r.cost or 0.0, metrics=r.metrics) for r in front]

    @property
    def _front(self) -> list[RunFacts]:
        return self._fronts[True].runs or self._fronts[False].runs

    def early_stopping(self) -> EarlyStoppingStatus:
        """What early stopping has done."""
        wrong = sum(r.stopping is not None and r.stopping.shadow is True for r in self._front)
        return self.stopping.status(wrong)

    def consecutive_failures(self, template_hash: str, since: datetime | None = None) -> int:
        """Number of failed runs of this template since its last success, and since ``since``."""
        return self._streaks.get(template_hash, Streak()).count(since)

    def start_failures(self) -> list[RunFacts]:
        """The latest run of each kind whose program could not start."""
        return [self._start_failures[kind] for kind in sorted(self._start_failures)]

    def has_proven(self, stage: Stage) -> bool:
        """Whether the program of this stage has run to its end in some run."""
        return self._counts[f"proven {stage}"] > 0

    def latest_failures(self) -> list[LatestFailure]:
        """The runs that failed last, the latest first, without those that a user or the end of the sweep stopped."""
        return [
            LatestFailure.model_validate(
                {"run": r.name, "class": r.failure.class_, "reason": r.failure.reason, "message": r.failure.message}
            )
            for r in reversed(self._latest.runs)
            if r.failure is not None
        ]

    def calibration(self, quantity: Quantity) -> Calibration | None:
        """Calibration of the predictions of ``quantity``."""
        counts, scores = self._counts, self._sums[f"density {quantity}"]
        return calibration_of(counts[f"compared {quantity}"], counts[f"inside {quantity}"], scores)

    def waits(self) -> str:
        """What started runs wait for: ``3 runs wait: 0/2 nodes are available: ... (Unschedulable)``. Empty: nothing."""
        groups: dict[str, list[str]] = {}
        for _, (reason, message) in sorted(self._waits.items()):
            groups.setdefault(reason, []).append(message)
        return "; ".join(
            f"{len(texts)} {'run waits' if len(texts) == 1 else 'runs wait'}: {texts[0][:512]} ({reason})"
            for reason, texts in sorted(groups.items(), key=lambda group: -len(group[1]))[:MAX_FAILURES]
        )


def totals_of(runs: Iterable[RunFacts], goal: Goal) -> Totals:
    """The sums from scratch."""
    totals = Totals(goal)
    for run in runs:
        totals.add(run)
    return totals


def _start_failure(run: RunFacts) -> tuple[str, str] | None:
    """Reason and stage of a run whose program could not start."""
    failure = run.failure
    return None if failure is None or failure.reason not in REMEDIES else (failure.reason, failure.stage or "train")


def _decided(run: RunFacts) -> tuple[bool, datetime | None, tuple[int, str]]:
    return run.decided is not None, run.decided, run.order


def _is_reported(run: RunFacts) -> bool:
    return run.failure is not None and run.failure.class_ is not None and not run.failure.deliberate


def _counts_as_delivered(run: RunFacts) -> bool:
    return run.delivered and run.ended is not None and not run.imported
