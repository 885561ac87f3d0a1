"""What the sums over the runs of a Sweep need to know about one run. Much smaller than the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from protein.analysis.conformal import Side
from protein.analysis.pareto import goal_sign
from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.api.model import Scalar
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import STAGES, Stage, SweepRun
from sweep_operator.decide import cost
from sweep_operator.decide.calibration import compare
from sweep_operator.decide.curves import learned_curve
from sweep_operator.decide.plan import LearnedPoint, Observation, failure_observation
from sweep_operator.decide.stopping import RULES, Curve, levels, samples_of
from sweep_operator.domain.revisions import RunTemplate

State = Literal["pending", "running", "evaluating", "succeeded", "pruned", "failed"]
Moment = tuple[float, tuple[int, str]]
"""When a run ended, in Unix time. Runs that ended at the same time are in the order of their start."""

_NOT_WAITING = ("Training", "Evaluating", "BackOff", "Suspended")
"""Reasons of started runs that need no explanation on the Sweep: an attempt runs, or follows by itself."""


_PROVEN: Mapping[tuple[bool, ...], tuple[Stage, ...]] = {
    (train, evaluated): tuple(s for s, yes in zip(STAGES, (train, evaluated), strict=True) if yes)
    for train in (False, True)
    for evaluated in (False, True)
}
"""The same few tuples for all runs."""
_NOT_COMPARED = (None, None)
"""In place of a side and a density."""


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """How a run failed."""

    class_: str | None
    """None: the status does not say."""
    reason: str
    message: str
    """The beginning of its first line."""
    counts: Literal["always", "before the first success", "never"]
    stage: Stage | None = None
    """The stage that failed."""
    deliberate: bool = False
    """A person or a rule of the sweep ended it."""


@dataclass(frozen=True, slots=True)
class StoppingFacts:
    """What early stopping knows about a run."""

    levels: tuple[tuple[int, float], ...] = ()
    """What the run has at each mark of the rule, for others to be compared with."""
    comparable: bool = False
    """Whether its curve has a value of the metric."""
    trouble: tuple[str, str] | None = None
    """Reason and message of what is wrong with the reports of a run that has not ended."""
    shadow: bool | None = None
    """Whether the run went on in spite of the verdict; None: there is none."""
    saved: float = 0.0
    """Estimated cost that the verdict has saved."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run. Equal facts contribute equally to every sum."""

    name: str
    index: int | None
    """None: a manual run."""
    state: State
    imported: bool
    delivered: bool
    parameters: dict[str, Scalar]
    spent: float
    wasted: float
    template_hash: str | None
    ended: float | None = None
    """When its programs ended, in Unix time. None: the run has not ended."""
    decided: datetime | None = None
    """When its failure was recorded."""
    proven: tuple[Stage, ...] = ()
    """The stages whose program has run to its end."""
    score: float | None = None
    cost: float | None = None
    failure: FailureFacts | None = None
    observation: Observation | None = None
    score_density: float | None = None
    """Logarithm of the predicted density of the score, whose side the observation has; None: no prediction."""
    cost_density: float | None = None
    """The same for the cost."""
    metrics: dict[str, float] | None = None
    """Values of spec.objectives after the first, as far as they are known; None with one objective."""
    columns: tuple[float, ...] | None = ()
    """Those values, each times the sign of its goal; None: one of them is unknown."""
    within: bool = True
    """Whether it reaches the thresholds of spec.objectives."""
    waits: tuple[str, str] | None = None
    """Reason and message of a started run that waits."""
    curve: tuple[LearnedPoint, ...] = ()
    """What the optimizer learns from the learning curve while the run has no result."""
    stopping: StoppingFacts | None = None
    """None without early stopping."""

    @property
    def order(self) -> tuple[int, str]:
        """The order in which runs start."""
        return -1 if self.index is None else self.index, self.name

    @property
    def moment(self) -> Moment:
        """The order in which runs ended."""
        return self.ended or 0.0, self.order

    @property
    def holds_slot(self) -> bool:
        """Whether it counts toward limits.maxParallelRuns."""
        return self.state in ("running", "evaluating")


def facts_of(run: SweepRun, sweep: Sweep, template: RunTemplate | None, config: OperatorConfig) -> RunFacts:
    """The facts of a run. ``template``: the one that it started with, if it is known."""
    parameters = {sys.intern(name): value for name, value in run.parameters.items()}
    condition = find_condition(run.status.conditions, "Succeeded")
    spent = cost.spent(sweep, run, template, config)
    succeeded, terminal = run.succeeded, run.terminal
    useful = (run.status.cost or 0.0) if succeeded else 0.0
    curve = learned_curve(run, sweep, template)
    score_side, score_density = compare(run, "score") or _NOT_COMPARED
    cost_side, cost_density = compare(run, "cost") or _NOT_COMPARED
    learned = _observation(run, sweep, parameters, (score_side, cost_side))
    if learned is not None and curve:  # of a run that was stopped early, the curve says more than its last report
        learned = replace(learned, curve=curve, score=learned.score if succeeded else None)
    return RunFacts(
        name=sys.intern(run.name),
        index=run.spec.index,
        state=_state(run),
        imported=run.imported,
        delivered=run.delivered,
        parameters=parameters,
        spent=spent,
        wasted=max(0.0, spent - useful) if terminal and not run.pruned else 0.0,
        template_hash=None if run.status.template_hash is None else sys.intern(run.status.template_hash),
        ended=_ended(run) if terminal else None,
        decided=condition.last_transition_time if run.failed and condition is not None else None,
        proven=_PROVEN[tuple(any(a.class_ == "succeeded" for a in run.status.stage(s).attempts) for s in STAGES)],
        score=run.status.score if succeeded else None,
        cost=run.status.cost if succeeded else None,
        failure=_failure(run) if run.failed else None,
        observation=learned,
        score_density=score_density,
        cost_density=cost_density,
        metrics=learned.metrics if learned is not None else None,
        columns=_columns(sweep, run.status.metrics) if succeeded else (),
        within=succeeded and within_thresholds(run, sweep),
        waits=_waits(run),
        curve=() if terminal else curve,
        stopping=_stopping(run, sweep),
    )


def peer_levels(run: SweepRun, sweep: Sweep, curve: Curve | None = None) -> dict[int, float]:
    """What the run has at each mark of the rule of early stopping, for others to be compared with.

    ``curve``: its samples, if they are known.
    """
    name = sweep.spec.early_stopping.active if sweep.spec.early_stopping is not None else None
    rule = RULES.get(name or "")
    if rule is None or (rule.finished and not run.succeeded):
        return {}
    return levels(rule, samples_of(sweep.spec, run.status.curve) if curve is None else curve)


def _stopping(run: SweepRun, sweep: Sweep) -> StoppingFacts | None:
    settings, verdict = sweep.spec.early_stopping, run.status.early_stopping
    if verdict is None and (settings is None or settings.active is None):
        return None
    reporting = None if run.terminal else find_condition(run.status.conditions, "Reporting")
    curve = samples_of(sweep.spec, run.status.curve)
    return StoppingFacts(
        levels=tuple(peer_levels(run, sweep, curve).items()),
        comparable=bool(curve),
        trouble=(reporting.reason, reporting.message)
        if reporting is not None and reporting.status == "False"
        else None,
        shadow=None if verdict is None else verdict.shadow,
        saved=0.0 if verdict is None or verdict.shadow else verdict.saved_cost or 0.0,
    )


def _state(run: SweepRun) -> State:
    if run.terminal:
        return "succeeded" if run.succeeded else "pruned" if run.pruned else "failed"
    if not run.holds_slot:
        return "pending"
    return "evaluating" if run.status.eval.attempt > 0 else "running"


def _ended(run: SweepRun) -> float:
    times = [t.timestamp() for s in (run.status.train, run.status.eval) if (t := s.completion_time) is not None]
    return max(times, default=0.0)


def _failure(run: SweepRun, table: FailureTable = FAILURES) -> FailureFacts:
    failure = run.status.failure
    if failure is None:
        return FailureFacts(None, "", "", table["crash"].counts_as_failed)
    message = failure.message.strip().partition("\n")[0][:256]
    row = table[failure.class_]
    return FailureFacts(
        failure.class_, failure.reason, message, row.counts_as_failed, failure.stage, deliberate=row.deliberate
    )


def within_thresholds(run: SweepRun, sweep: Sweep) -> bool:
    """Whether a run reaches the thresholds of spec.objectives."""
    return all(
        objective.reached(run.status.metrics.get(objective.metric) if place else run.status.score)
        for place, objective in enumerate(sweep.spec.objectives)
    )


def _columns(sweep: Sweep, metrics: Mapping[str, float]) -> tuple[float, ...] | None:
    others = sweep.spec.objectives[1:]
    if any(objective.metric not in metrics for objective in others):
        return None
    return tuple(goal_sign(objective.goal) * metrics[objective.metric] for objective in others)


def objective_values(sweep: Sweep, value_of: Callable[[str], float | None]) -> dict[str, float] | None:
    """Values of spec.objectives after the first, as far as ``value_of`` knows them; None with one objective."""
    found = {o.metric: value_of(o.metric) for o in sweep.spec.objectives[1:]}
    return {metric: value for metric, value in found.items() if value is not None} if found else None


def _observation(
    run: SweepRun, sweep: Sweep, parameters: dict[str, Scalar], sides: tuple[Side | None, Side | None]
) -> Observation | None:
    """What the optimizer learns from a run: None while it runs, and for failures that it does not learn from."""
    status, (score, cost) = run.status, sides
    if run.succeeded:
        metrics = objective_values(sweep, status.metrics.get)
        return Observation(parameters, status.score, status.cost, score_side=score, cost_side=cost, metrics=metrics)
    if not run.failed or status.failure is None or status.failure.reason == "InvalidParameters":
        return None
    return failure_observation(parameters, status.cost, status.failure.class_, last_report=status.last_report)


def _waits(run: SweepRun) -> tuple[str, str] | None:
    condition = find_condition(run.status.conditions, "Succeeded") if run.holds_slot else None
    if condition is None or condition.reason in _NOT_WAITING:
        return None
    return condition.reason, condition.message
