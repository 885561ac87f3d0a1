"""Facts about the runs of a Sweep: counters, cost, the best runs, the Pareto front, observations for the optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from protein.analysis import pareto
from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.api.status import (
    MAX_BEST,
    MAX_FAILURES,
    MAX_PARETO,
    BestRun,
    CostStatus,
    LatestFailure,
    ParetoPoint,
    RunCounts,
)
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import cost
from sweep_operator.decide.plan import Observation, PendingRun, failure_observation
from sweep_operator.domain.ordering import start_order
from sweep_operator.domain.revisions import RunTemplate

_NOT_WAITING = ("Training", "Evaluating", "BackOff", "Suspended")
"""Reasons of started runs that need no explanation on the Sweep: an attempt runs, or follows by itself."""


def own(runs: Iterable[SweepRun]) -> list[SweepRun]:
    """The runs that the operator created, by index. Manual runs are not included."""
    return sorted((r for r in runs if r.spec.index is not None), key=lambda r: r.spec.index or 0)


def count_runs(runs: Sequence[SweepRun]) -> RunCounts:
    """Count every run in exactly one state."""
    active = [r for r in runs if r.holds_slot]
    evaluating = sum(r.status.eval.attempt > 0 for r in active)
    return RunCounts(
        created=len(runs),
        pending=sum(not r.terminal for r in runs) - len(active),
        running=len(active) - evaluating,
        evaluating=evaluating,
        succeeded=sum(r.succeeded for r in runs),
        failed=sum(r.failed for r in runs),
    )


def sum_costs(
    sweep: Sweep, runs: Iterable[SweepRun], templates: Mapping[str, RunTemplate], config: OperatorConfig
) -> CostStatus:
    """Cost of the runs that exist. Wasted is the part that did not lead to a score."""
    spent = wasted = 0.0
    for run in runs:
        used = cost.spent(sweep, run, templates.get(run.status.template_hash or ""), config)
        spent += used
        if run.failed:
            wasted += used
        elif run.succeeded:
            wasted += max(0.0, used - (run.status.cost or 0.0))
    return CostStatus(spent=spent, wasted=wasted, unit=cost.unit(sweep, config))


def ranked(sweep: Sweep, runs: Iterable[SweepRun]) -> list[SweepRun]:
    """Successful runs by observed score, the best first. Equal scores are ordered by cost, then by name."""
    sign = -1.0 if sweep.spec.goal == "maximize" else 1.0
    scored = [r for r in runs if r.succeeded and r.status.score is not None]
    return sorted(scored, key=lambda r: (sign * (r.status.score or 0.0), r.status.cost or 0.0, start_order(r)))


def best_runs(sweep: Sweep, runs: Iterable[SweepRun]) -> list[BestRun]:
    """The ten best runs."""
    return [
        BestRun(run=r.name, score=r.status.score or 0.0, cost=r.status.cost, parameters=dict(r.parameters))
        for r in ranked(sweep, runs)[:MAX_BEST]
    ]


def pareto_front(sweep: Sweep, runs: Iterable[SweepRun]) -> list[ParetoPoint]:
    """Pareto-optimal runs by ascending cost. Of more than 64, the ends and evenly spaced runs between them."""
    ordered = sorted((r for r in runs if r.succeeded), key=start_order)
    positions = pareto.pareto_front([(r.status.score, r.status.cost) for r in ordered], sweep.spec.goal)
    front = [
        ParetoPoint(run=r.name, score=r.status.score or 0.0, cost=r.status.cost or 0.0)
        for r in (ordered[i] for i in positions)
    ]
    if len(front) <= MAX_PARETO:
        return front
    last = len(front) - 1
    return [front[round(i * last / (MAX_PARETO - 1))] for i in range(MAX_PARETO)]


def consecutive_failures(
    runs: Iterable[SweepRun], template_hash: str, since: datetime | None = None, table: FailureTable = FAILURES
) -> int:
    """Number of failed runs of the current template since its last success, and since ``since``.

    After the first success, failures of class parameters do not count: the search avoids such parameters.
    """
    ended = sorted((r for r in runs if r.terminal and r.status.template_hash == template_hash), key=_ended_at)
    any_success = any(r.succeeded for r in ended)
    failures = 0
    for run in reversed(ended):
        if run.succeeded or not failed_since(run, since):
            break
        counts = table[run.status.failure.class_ if run.status.failure else "crash"].counts_as_failed
        failures += counts == "always" or (counts == "before the first success" and not any_success)
    return failures


def failed_since(run: SweepRun, since: datetime | None) -> bool:
    """Whether the end of the run was recorded at ``since`` or later. None: always."""
    condition = find_condition(run.status.conditions, "Succeeded")
    return since is None or (condition is not None and condition.last_transition_time >= since)


def observation(run: SweepRun) -> Observation | None:
    """What the optimizer learns from a run: None while it runs, and for failures that it does not learn from."""
    status = run.status
    if run.succeeded:
        return Observation(dict(run.parameters), status.score, status.cost)
    if not run.failed or status.failure is None or status.failure.reason == "InvalidParameters":
        return None
    return failure_observation(run.parameters, status.cost, status.failure.class_)


def pending_runs(runs: Iterable[SweepRun]) -> tuple[PendingRun, ...]:
    """The runs that have not ended."""
    live = sorted((r for r in runs if not r.terminal), key=start_order)
    return tuple(PendingRun(r.name, r.spec.index, dict(r.parameters)) for r in live)


def latest_failures(runs: Iterable[SweepRun]) -> list[LatestFailure]:
    """The runs that failed last, the latest first, without those that a user or the end of the sweep stopped."""
    failed = [(r, f) for r in runs if r.failed and (f := r.status.failure) is not None and f.class_ != "stopped"]
    latest = sorted(failed, key=lambda pair: _ended_at(pair[0]), reverse=True)[:MAX_FAILURES]
    return [
        LatestFailure.model_validate(
            {
                "run": r.name,
                "class": f.class_,
                "reason": f.reason,
                "message": f.message.strip().partition("\n")[0][:256],
            }
        )
        for r, f in latest
    ]


def waits(runs: Iterable[SweepRun]) -> str:
    """What started runs wait for: ``3 runs wait: 0/2 nodes are available: ... (Unschedulable)``. Empty: nothing."""
    groups: dict[str, list[str]] = {}
    for run in sorted(runs, key=start_order):
        condition = find_condition(run.status.conditions, "Succeeded") if run.holds_slot else None
        if condition is not None and condition.reason not in _NOT_WAITING:
            groups.setdefault(condition.reason, []).append(condition.message)
    return "; ".join(
        f"{len(texts)} {'run waits' if len(texts) == 1 else 'runs wait'}: {texts[0][:512]} ({reason})"
        for reason, texts in sorted(groups.items(), key=lambda group: -len(group[1]))[:MAX_FAILURES]
    )


def _ended_at(run: SweepRun) -> tuple[str, tuple[int, str]]:
    times = [t for t in (run.status.train.completion_time, run.status.eval.completion_time) if t is not None]
    return (max(times).isoformat() if times else "", start_order(run))
