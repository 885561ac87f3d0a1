"""When a sweep ends: a chain of small checks over one immutable input. The first that applies decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sweep_operator.api.status import CostStatus, SweepStatus
from sweep_operator.api.suggestion import BudgetLeft
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage
from sweep_operator.decide.cost import unit
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.start_failure import REMEDIES
from sweep_operator.decide.totals import Totals
from sweep_operator.domain.conditions import joined


@dataclass(frozen=True)
class LimitInput:
    """Input of the checks. ``status`` is the one before this pass."""

    sweep: Sweep
    status: SweepStatus
    totals: Totals
    cost: CostStatus
    consecutive_failures: int
    infeasible: str | None
    now: datetime
    unpayable: str | None = None
    """Why no further run is predicted to be payable, now that no run is active."""
    unworthy: str | None = None
    """Why no further run is worth its cost, now that no run is active."""
    failures_since: datetime | None = None
    """None: a program that cannot start does not end the sweep at once."""


@dataclass(frozen=True)
class End:
    """Why the sweep ends, whether that is a success, and what happens to its runs."""

    reason: str
    message: str
    succeeded: bool
    terminate: Literal["terminate", "drain", "finish"] = "drain"
    """terminate: Jobs are deleted; drain: no run starts; finish: pending runs still start."""


Check = Callable[[LimitInput], End | None]


def stopped(at: LimitInput) -> End | None:
    """spec.stop."""
    if not at.sweep.spec.stop:
        return None
    return End("Stopped", "spec.stop is true; set it to false to continue", True, "terminate")


def deadline(at: LimitInput) -> End | None:
    """limits.activeDeadlineSeconds, suspended time excluded."""
    limit = at.sweep.spec.limits.active_deadline_seconds
    if limit is None or active_seconds(at.status, at.now) < limit:
        return None
    return End("DeadlineReached", f"active for limits.activeDeadlineSeconds={limit}", True, "terminate")


def target(at: LimitInput) -> End | None:
    """spec.target."""
    goal, wanted, best = at.sweep.spec.goal, at.sweep.spec.target, at.totals.reached_score
    if wanted is None or best is None or not (best >= wanted if goal == "maximize" else best <= wanted):
        return None
    return End("TargetReached", f"score {best:g} reaches target {wanted:g}", True)


def budget(at: LimitInput) -> End | None:
    """limits.totalCost."""
    limit, spent = at.sweep.spec.limits.total_cost, at.cost.spent
    if limit is None or spent < limit:
        return None
    return End("BudgetExhausted", f"spent {spent:g} of limits.totalCost={limit:g} {at.cost.unit}", True)


def payable(at: LimitInput) -> End | None:
    """No further run is predicted to fit what is left of limits.totalCost and limits.activeDeadlineSeconds."""
    if at.unpayable is None:
        return None
    limits = at.sweep.spec.limits
    cost, seconds = limits.total_cost, limits.active_deadline_seconds
    total = [] if cost is None else [f"limits.totalCost={cost:g} {at.cost.unit}"]
    deadline = [] if seconds is None else [f"limits.activeDeadlineSeconds={seconds}"]
    message = f"{at.unpayable} of {' and '.join(total + deadline)}; raise the limit to continue"
    return End("BudgetExhausted", message, True)


def worth(at: LimitInput) -> End | None:
    """spec.stopping."""
    least = at.sweep.spec.min_gain
    if at.unworthy is None or least is None:
        return None
    return End("NotWorthIt", f"{at.unworthy}; stopping.minGain is {least:.3g}, lower it to continue", True)


def program(at: LimitInput) -> End | None:
    """A program that cannot start, on one machine: no other parameters would change that."""
    if at.failures_since is None:
        return None
    for run in at.totals.start_failures():
        failure = run.failure
        if failure is None or run.decided is None or run.decided < at.failures_since:
            continue
        stage = failure.stage or "train"
        if failure.reason == "ProgramNotFound" and _varies(at.sweep, stage):
            continue
        remedy = REMEDIES[failure.reason].format(stage=stage)
        text = f"the program of {stage} cannot start ({failure.reason} in {run.name}); {remedy}"
        return End("ProgramCannotStart", f"{text}, and run the same command again", False)
    return None


def _varies(sweep: Sweep, stage: Stage) -> bool:
    """Whether a parameter decides which program runs."""
    template = sweep.spec.train if stage == "train" else sweep.eval or sweep.spec.train
    words = [*(template.command or []), *(template.args or [])]
    return any("$(params." in word for word in words[:2])


def consecutive_failures(at: LimitInput) -> End | None:
    """limits.maxConsecutiveFailures."""
    limit, failures = at.sweep.spec.limits.max_consecutive_failures, at.consecutive_failures
    if failures < limit:
        return None
    cause = f"{failures} runs failed in a row (limits.maxConsecutiveFailures={limit})"
    message = f"{cause}; correct train or eval, or raise the limit{_latest_failure(at)}"
    return End("TooManyConsecutiveFailures", message, False)


def failed_runs(at: LimitInput) -> End | None:
    """limits.maxFailedRuns."""
    limit, failed = at.sweep.spec.limits.max_failed_runs, at.totals.failures
    if limit is None or failed < limit:
        return None
    message = f"{failed} runs failed (limits.maxFailedRuns={limit}); raise it to continue{_latest_failure(at)}"
    return End("TooManyFailedRuns", message, False)


def _latest_failure(at: LimitInput) -> str:
    latest = next(iter(at.totals.latest_failures()), None)
    return f"; latest failure: {joined(latest.run, latest.reason, latest.message)}" if latest is not None else ""


def infeasible(at: LimitInput) -> End | None:
    """No configuration satisfies the constraints."""
    if at.infeasible is None:
        return None
    return End("SearchSpaceInfeasible", at.infeasible, False)


def runs(at: LimitInput) -> End | None:
    """limits.maxRuns."""
    limit = at.sweep.spec.limits.max_runs
    if at.totals.own < limit:
        return None
    return End("MaxRunsReached", f"{at.totals.own} runs created (limits.maxRuns={limit})", True, "finish")


CHECKS: tuple[Check, ...] = (
    stopped,
    deadline,
    target,
    budget,
    payable,
    worth,
    program,
    consecutive_failures,
    failed_runs,
    infeasible,
    runs,
)


def find_end(snap: Snapshot, totals: Totals) -> End | None:
    """Why the sweep ends now. None also for a sweep that has ended before, or that is not accepted."""
    if snap.ended or not snap.accepted:
        return None
    at = LimitInput(
        sweep=snap.sweep,
        status=snap.sweep.status,
        totals=totals,
        cost=totals.costs(unit(snap.sweep, snap.config)),
        consecutive_failures=totals.consecutive_failures(snap.current_hash, snap.failures_since),
        infeasible=snap.suggested.infeasible if snap.suggested else None,
        now=snap.now,
        unpayable=_refusal(snap, totals, "unpayable"),
        unworthy=_refusal(snap, totals, "unworthy"),
        failures_since=snap.failures_since,
    )
    return next((end for check in CHECKS if (end := check(at)) is not None), None)


def _refusal(snap: Snapshot, totals: Totals, why: Literal["unpayable", "unworthy"]) -> str | None:
    """The optimizer's forecast. None if it does not know all results, or if runs are active: they may change it."""
    suggested = snap.suggested
    if suggested is None or suggested.suggestions or totals.open > 0:
        return None
    earlier = snap.warm_start.observations
    known = totals.observations + (earlier.count if earlier is not None else 0)
    return getattr(suggested, why) if suggested.known == known else None


def budget_left(snap: Snapshot, totals: Totals, runs: int) -> BudgetLeft | None:
    """What the limits leave of cost and time for `runs` in total, those with a result included. None: no such limit.

    In six digits, because it is recorded with every suggestion.
    """
    limits, cost, seconds, shares = snap.sweep.spec.limits, None, None, []
    if limits.total_cost is not None:
        cost = _six_digits(limits.total_cost - totals.costs("").spent)
        shares.append(cost / limits.total_cost)
    if limits.active_deadline_seconds is not None and snap.sweep.spec.cost.source == "WallClock":
        seconds = _six_digits(limits.active_deadline_seconds - active_seconds(snap.sweep.status, snap.now))
        shares.append(seconds / limits.active_deadline_seconds)
    if not shares:
        return None
    return BudgetLeft(cost=cost, seconds=seconds, share=_six_digits(min(shares)), runs=runs)


def _six_digits(value: float) -> float:
    return float(f"{max(value, 0.0):.6g}")


def active_seconds(status: SweepStatus, now: datetime) -> float:
    """Seconds for which the sweep has been active, including the current active time."""
    current = (now - status.active_since).total_seconds() if status.active_since is not None else 0.0
    return status.active_seconds + max(0.0, current)
