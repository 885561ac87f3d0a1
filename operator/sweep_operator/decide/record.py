"""Collects the new status of a run and its Events: attempts, conditions and the end of the run."""

from __future__ import annotations

from datetime import datetime

from sweep_operator.api.early_stopping import Verdict
from sweep_operator.api.failures import FAILURES, LEARNED_WORDS, PRUNED, FailureName
from sweep_operator.api.meta import Condition, ConditionStatus, find_condition, with_condition
from sweep_operator.api.model import Scalar
from sweep_operator.api.names import PEAK_MEMORY
from sweep_operator.api.sweeprun import (
    Attempt,
    Failure,
    ImportedObservation,
    Stage,
    StageStatus,
    SweepRun,
    SweepRunStatus,
)
from sweep_operator.decide import cost
from sweep_operator.decide.conditions import with_finished
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.observed import PodView
from sweep_operator.decide.plan import Event
from sweep_operator.decide.result import Result
from sweep_operator.domain.conditions import joined
from sweep_operator.domain.identity import run_display_name
from sweep_operator.domain.revisions import RunTemplate


class Record:
    """The new status of a run, collected during one pass."""

    def __init__(self, run: SweepRun, ctx: RunContext) -> None:
        self.run, self.ctx, self.status = run, ctx, run.status
        self.events: list[Event] = []

    @property
    def updated(self) -> SweepRun:
        """The run with the status so far."""
        return self.run.with_(status=self.status)

    @property
    def current_stage(self) -> Stage:
        """The stage that the run is in."""
        trained = find_condition(self.status.conditions, "TrainSucceeded")
        return "eval" if trained is not None and trained.status == "True" else "train"

    def put(self, stage: Stage, status: StageStatus) -> None:
        """Replace a stage's status."""
        self.status = self.status.with_(**{stage: status})

    def unsettled(self, reason: str, message: str) -> None:
        """The run has neither succeeded nor failed: record what it does or waits for."""
        self._condition("Succeeded", "Unknown", reason, message)

    def evicted_pods(self, stage: Stage, pods: tuple[PodView, ...]) -> None:
        """Record the seconds of earlier pods, by their uid: a queue can evict a Job and resume it with other pods."""
        lead = sorted((p for p in pods if p.rank == 0), key=lambda p: (p.created, p.uid))
        for pod in lead[:-1]:
            if pod.over and pod.started is not None:
                entry = Attempt(
                    n=pod.attempt,
                    pod_uid=pod.uid,
                    pod_name=pod.name,
                    node=pod.node,
                    seconds=pod.seconds(self.ctx.snap.now),
                    scheduled_time=pod.scheduled,
                    start_time=pod.started,
                )
                self.put(stage, cost.add_attempt(self.status.stage(stage), entry))

    def attempt_ended(self, stage: Stage, class_: str, pod: PodView | None, seconds: float = 0.0) -> None:
        """Record how the attempt ended: a failure class or "succeeded". ``seconds``: its duration without a pod."""
        status, row = self.status.stage(stage), FAILURES.get(class_)
        counter = row.counter if row else None
        times = {
            "scheduled_time": (pod.scheduled if pod else None) or status.scheduled_time,
            "start_time": (pod.started if pod else None) or status.start_time,
        }
        entry = Attempt.model_validate(
            {
                "n": status.attempt,
                "pod_uid": pod.uid if pod else None,
                "pod_name": pod.name if pod else None,
                "node": pod.node if pod else status.node,
                "seconds": pod.seconds(self.ctx.snap.now) if pod else seconds,
                "class": class_,
                **times,
            }
        )
        status = cost.add_attempt(status, entry).with_(
            **times,
            completion_time=(pod.finished if pod else None) or self.ctx.snap.now,
            exit_code=None if pod is None else pod.init_exit_code if pod.exit_code is None else pod.exit_code,
            node=pod.node if pod else status.node,
            pod_name=pod.name if pod else status.pod_name,
            image_id=pod.image_id if pod else status.image_id,
            preemptions=status.preemptions + (counter == "preemptions"),
            failures=status.failures + (counter == "failures"),
        )
        self.put(stage, status)

    def stage_succeeded(self, stage: Stage, template: RunTemplate, result: Result) -> None:
        """Record what the stage reports. The run has succeeded with its last stage."""
        metrics = {**self.status.metrics, **result.metrics}
        if PEAK_MEMORY in metrics:
            metrics[PEAK_MEMORY] = max(
                m[PEAK_MEMORY] for m in (self.status.metrics, result.metrics) if PEAK_MEMORY in m
            )
        checkpoint = result.checkpoint or self.status.checkpoint
        self.status = self.status.with_(metrics=metrics, checkpoint=checkpoint)
        type_, message = ("TrainSucceeded", "trained") if stage == "train" else ("EvalSucceeded", "evaluated")
        self._condition(type_, "True", "Completed", message)
        if stage == "train" and template.eval is not None:
            return
        cost_ = cost.run_cost(self.ctx.snap.sweep, self.updated, template, self.ctx.snap.config, result.cost)
        self.status = self.status.with_(score=result.score, cost=cost_)
        self._condition("Succeeded", "True", "Completed", f"score {result.score!r}, cost {cost_!r}")
        self._condition("Observed", "True", "Learned", "the optimizer learns from it")
        self.events.append(Event("RunCompleted", f"score {result.score!r}, cost {cost_!r}", self.run.name))

    def run_failed(self, stage: Stage | None, class_: FailureName, reason: str, message: str) -> None:
        """Record the end of the run, without a score."""
        failure = Failure.model_validate({"stage": stage, "class": class_, "reason": reason, "message": message[:1024]})
        spent = cost.spent(self.ctx.snap.sweep, self.updated, self.ctx.template, self.ctx.snap.config)
        self.status = self.status.with_(failure=failure, cost=spent if spent > 0 else None)
        if stage == "train" or (stage is None and self.current_stage == "train"):
            self._condition("TrainSucceeded", "False", reason, message)
        elif stage == "eval":
            self._condition("EvalSucceeded", "False", reason, message)
        self._condition("Succeeded", "False", reason, message)
        learned = FAILURES[class_].learned if reason != "InvalidParameters" else None
        self._condition("Observed", "True" if learned else "False", class_.capitalize(), LEARNED_WORDS[learned])
        if class_ == PRUNED:
            self.events.append(Event("RunPruned", message[:1000], self.run.name))
            return
        text = joined(class_, reason, message)
        self.events.append(Event("RunFailed", text[:1000], self.run.name, "Warning"))
        if not FAILURES[class_].deliberate:
            self.events.append(Event("RunFailed", f"{self.run.name}: {text}"[:1000], None, "Warning"))

    def judged(self, verdict: Verdict, evidence: str, pod: PodView) -> None:
        """Record the verdict of early stopping about the training, which ends it unless it is only measured."""
        self.status = self.status.with_(early_stopping=verdict)
        if verdict.shadow:
            text = f"{evidence}; the run continues to measure how often the rule is wrong (earlyStopping.shadow)"
            self.events.append(Event("PruningSkipped", text[:1000], self.run.name))
            return
        self.attempt_ended("train", PRUNED, pod)
        self.run_failed("train", PRUNED, "Pruned", evidence)

    def imported(self, observation: ImportedObservation, parameters: dict[str, Scalar]) -> None:
        """Record an imported run. No Event: there can be thousands at once."""
        name = run_display_name(self.ctx.snap.sweep, self.run)
        self.status = imported_status(self.run, observation, parameters, name, self.ctx.snap.now)

    def run_stopped(self, reason: str) -> None:
        """Record that a user, or the end of the sweep, stopped the run."""
        for stage in ("train", "eval"):
            status = self.status.stage(stage)
            if status.attempt and not self.status.attempt_recorded(stage, status.attempt):
                pods = (p for p in self.ctx.pods if (p.stage, p.attempt, p.rank) == (stage, status.attempt, 0))
                self.attempt_ended(stage, "stopped", max(pods, key=lambda p: p.created, default=None))
        self.run_failed(None, "stopped", reason, "ended by spec.stop" if reason == "Stopped" else "the sweep has ended")

    def _condition(self, type_: str, status: ConditionStatus, reason: str, message: str) -> None:
        new = _condition(type_, status, reason, message, self.ctx.snap.now)
        self.status = self.status.with_(conditions=with_finished(with_condition(self.status.conditions, new)))


def imported_status(
    run: SweepRun, observation: ImportedObservation, parameters: dict[str, Scalar], name: str, now: datetime
) -> SweepRunStatus:
    """The status of an imported run. What the optimizer learns from it follows the same rules as for other runs."""
    failed = observation.failure
    failure = None if failed is None else Failure.model_validate(failed.to_json())
    if failure is None:
        ended = _condition("Succeeded", "True", "Imported", observation.source or "imported with its result", now)
        observed = _condition("Observed", "True", "Imported", "the optimizer learns from it", now)
    else:
        learned = FAILURES[failure.class_].learned
        ended = _condition("Succeeded", "False", failure.reason, failure.message or "imported as failed", now)
        observed = _condition("Observed", "True" if learned else "False", "Imported", LEARNED_WORDS[learned], now)
    return run.status.with_(
        run_name=name,
        parameters=parameters,
        score=observation.score,
        cost=observation.cost,
        metrics=dict(observation.metrics),
        failure=failure,
        conditions=with_finished(with_condition(with_condition(run.status.conditions, ended), observed)),
    )


def _condition(type_: str, status: ConditionStatus, reason: str, message: str, now: datetime) -> Condition:
    return Condition(type=type_, status=status, reason=reason, message=message[:1024], last_transition_time=now)
