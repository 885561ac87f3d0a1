"""One Sweep: what to do now, from everything that belongs to it. The only entry point of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sweep_operator.api.failures import FAILURES
from sweep_operator.api.meta import Condition, find_condition, with_condition
from sweep_operator.api.parameters import search_center
from sweep_operator.api.status import OptimizerStatus, SweepStatus
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import summary
from sweep_operator.decide.calibration import calibration
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.limits import End, LimitInput, active_seconds, find_end
from sweep_operator.decide.observed import group_by_run
from sweep_operator.decide.plan import CreateRun, Plan, RunPlan, SuggestRequest
from sweep_operator.decide.retention import claims_to_delete, without_claims
from sweep_operator.decide.run import decide_run, is_parked
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.tracking import TRACKING_SYNCED, Tracked, track, with_tracking
from sweep_operator.decide.transitions import transitions
from sweep_operator.domain.identity import run_display_name, run_seed
from sweep_operator.domain.ordering import start_order
from sweep_operator.domain.revisions import RunTemplate


def decide(snap: Snapshot) -> Plan:
    """The plan of one pass. Pure: the same snapshot gives the same plan, and a fixpoint's plan changes nothing."""
    return _Pass(snap).plan()


@dataclass
class _Slots:
    """How many runs may hold a slot, and how many do."""

    free: int

    def take(self) -> bool:
        if self.free <= 0:
            return False
        self.free -= 1
        return True


class _Pass:
    def __init__(self, snap: Snapshot) -> None:
        self.snap = snap
        self.sweep = snap.sweep
        self.spec = snap.sweep.spec
        self.was = snap.sweep.status
        self.current = RunTemplate.of(snap.sweep)
        self.accepted = not snap.problems
        self.center = search_center(self.spec.parameters)
        self.jobs = group_by_run(snap.jobs)
        self.pods = group_by_run(snap.pods)

    def plan(self) -> Plan:
        absorbed = self._absorbed()
        end_before = None if absorbed or not self.accepted else self._end(self.snap.runs)
        runs = self._runs(end_before, absorbed)
        after = [p.updated for p in runs]
        end = None if absorbed or not self.accepted else self._end(after)
        create, suggest, read_sources = self._grow(after, end, absorbed)
        terminal = absorbed or (end is not None and not create and not self._live(after, end))
        runs = without_claims(runs, claims_to_delete(self.snap, after), self.snap.jobs)
        runs = with_tracking(runs, self.snap.tracking)
        tracked = self._tracked([p.updated for p in runs], over=terminal)
        status = self._status(after, end, absorbed, terminal, tracked)
        return Plan(
            track=tracked.request,
            runs=runs,
            status=status,
            create=create,
            suggest=suggest,
            read_warm_start=read_sources,
            events=transitions(self.was, status),
            wake=self._wake(runs, status, terminal),
            terminal=terminal,
        )

    # -- what runs do -----------------------------------------------------------------------------------------------

    def _runs(self, end: End | None, absorbed: bool) -> tuple[RunPlan, ...]:
        holding = [r for r in self.snap.runs if not r.terminal and r.status.train.attempt > 0 and not is_parked(r)]
        slots = _Slots(self.spec.limits.max_parallel_runs - len(holding))
        holds = {r.name for r in holding}
        terminating = end.reason if end is not None and end.terminate == "terminate" else None
        plans = []
        for run in sorted(self.snap.runs, key=start_order):
            reason = self._why_wait(run, end, absorbed)
            waits = reason is None and not run.terminal and not run.imported
            may_start = run.name in holds or (waits and slots.take())
            plans.append(decide_run(run, self._context(run, may_start, reason or "WaitingForSlot", terminating)))
        return tuple(plans)

    def _why_wait(self, run: SweepRun, end: End | None, absorbed: bool) -> str | None:
        """Why a run that holds no slot must not take one."""
        if self.spec.suspend:
            return "Suspended"
        if not self.accepted:
            return "SweepNotAccepted"
        manual = run.spec.index is None
        if absorbed:
            condition = find_condition(self.was.conditions, "Succeeded")
            return None if manual or condition is None else condition.reason
        if end is not None and end.terminate != "finish" and not manual:
            return end.reason
        return None

    def _context(self, run: SweepRun, may_start: bool, waiting: str, ending: str | None) -> RunContext:
        snap, uid = self.snap, run.metadata.uid
        jobs, pods = self.jobs.get(run.name, ()), self.pods.get(run.name, ())
        others = tuple(p for p in pods if p.run_uid not in (None, uid))
        before = [f"Job {j.name}" for j in jobs if j.owner_uid != uid] + [f"pod {p.name}" for p in others if not p.over]
        return RunContext(
            sweep=self.sweep,
            current=self.current,
            template=snap.revisions.get(run.status.template_hash or ""),
            jobs=tuple(j for j in jobs if j.owner_uid == uid),
            pods=tuple(p for p in pods if p.run_uid in (None, uid)),
            leftovers=others,
            leftover=next(iter(before), None),
            logs=snap.logs,
            refusals=snap.refusals,
            foreign_jobs=snap.foreign_jobs,
            config=snap.config,
            now=snap.now,
            seed=run_seed(self.sweep, run),
            run_name=run_display_name(self.sweep, run),
            center=self.center,
            may_start=may_start,
            waiting_reason=waiting,
            suspend=self.spec.suspend_policy if self.spec.suspend else None,
            end=ending,
        )

    # -- new runs ---------------------------------------------------------------------------------------------------

    def _grow(
        self, runs: Sequence[SweepRun], end: End | None, absorbed: bool
    ) -> tuple[tuple[CreateRun, ...], SuggestRequest | None, bool]:
        own = summary.own(runs)
        wanted = self._wanted(runs, len(own))
        if absorbed or end is not None or not self.accepted or self.spec.suspend or wanted <= 0:
            return (), None, False
        first = self._next_index(own)
        ready = self.snap.suggested
        if ready is not None and ready.suggestions and ready.suggestions[0].index == first:
            chosen = ready.suggestions[:wanted]
            return tuple(CreateRun(s.index, s.parameters, s.origin, s.prediction) for s in chosen), None, False
        sources = self.snap.warm_start
        if self.spec.warm_start is not None and sources.observations is None:
            return (), None, True
        observations = [o for r in sorted(runs, key=start_order) if (o := summary.observation(r)) is not None]
        request = SuggestRequest(
            index=first,
            count=wanted,
            observations=(*(sources.observations or ()), *observations),
            pending=summary.pending_parameters(runs),
        )
        return (), request, False

    def _wanted(self, runs: Sequence[SweepRun], own: int) -> int:
        """Free slots that no existing run will take, within what may still be made."""
        limits = self.spec.limits
        left = limits.max_runs - own
        if self.snap.run_limit is not None:
            left = min(left, self.snap.run_limit - own)
        return min(limits.max_parallel_runs - sum(not r.terminal for r in runs), left)

    def _next_index(self, own: Sequence[SweepRun]) -> int:
        highest = max((r.spec.index or 0 for r in own), default=-1)
        return max(self.was.next_index, highest + 1, max(self.snap.burnt, default=-1) + 1)

    # -- the end ----------------------------------------------------------------------------------------------------

    def _absorbed(self) -> bool:
        """A terminal state is left only through a change of the spec."""
        condition = find_condition(self.was.conditions, "Succeeded")
        return (
            condition is not None
            and condition.status != "Unknown"
            and condition.observed_generation == self.sweep.metadata.generation
        )

    def _end(self, runs: Sequence[SweepRun]) -> End | None:
        own = summary.own(runs)
        best = summary.ranked(self.sweep, runs)
        return find_end(
            LimitInput(
                sweep=self.sweep,
                status=self.was.with_(
                    cost=summary.sum_costs(self.sweep, runs, self.snap.revisions, self.snap.config),
                    consecutive_failures=summary.consecutive_failures(runs, self.current.hash),
                ),
                own_runs=len(own),
                own_ended=sum(r.terminal for r in own),
                failed=sum(r.failed and not r.imported and _counts_as_failed(r) for r in runs),
                best_score=best[0].status.score if best else None,
                infeasible=self.snap.suggested.infeasible if self.snap.suggested else None,
                now=self.snap.now,
            )
        )

    def _live(self, runs: Sequence[SweepRun], end: End) -> bool:
        """Whether something still runs that the end waits for."""
        open_ = [r for r in runs if not r.terminal]
        if end.terminate == "finish":
            return bool(open_)
        return any(r.status.train.attempt > 0 and not is_parked(r) for r in open_)

    # -- status -----------------------------------------------------------------------------------------------------

    def _tracked(self, runs: Sequence[SweepRun], *, over: bool) -> Tracked:
        def at_work(run: SweepRun) -> bool:
            return any(not pod.over for pod in self.pods.get(run.name, ()))

        return track(self.sweep, runs, at_work, self.snap.tracking, self.snap.config, over=over)

    def _status(
        self, runs: Sequence[SweepRun], end: End | None, absorbed: bool, terminal: bool, tracked: Tracked
    ) -> SweepStatus:
        was, now = self.was, self.snap.now
        active = self.accepted and not self.spec.suspend and not terminal
        seconds, since = was.active_seconds, was.active_since
        if active and since is None:
            since = now
        elif not active and since is not None:
            seconds, since = active_seconds(was, now), None
        own = summary.own(runs)
        status = was.with_(
            observed_generation=self.sweep.metadata.generation,
            runs=summary.count_runs(runs),
            consecutive_failures=summary.consecutive_failures(runs, self.current.hash),
            next_index=self._next_index(own),
            active_since=since,
            active_seconds=seconds,
            cost=summary.sum_costs(self.sweep, runs, self.snap.revisions, self.snap.config),
            best=summary.best_runs(self.sweep, runs),
            pareto=summary.pareto_front(self.sweep, runs),
            optimizer=self._optimizer(runs),
            tracking=tracked.status,
        )
        conditions = [c for c in was.conditions if tracked.condition is not None or c.type != TRACKING_SYNCED]
        for condition in self._conditions(runs, end, absorbed, terminal):
            conditions = with_condition(conditions, condition)
        if (synced := tracked.condition) is not None:
            found = self._condition(TRACKING_SYNCED, synced.status, synced.reason, synced.message)
            conditions = with_condition(conditions, found)
        return status.with_(conditions=conditions)

    def _optimizer(self, runs: Sequence[SweepRun]) -> OptimizerStatus:
        learned = sum(summary.observation(r) is not None for r in runs)
        seconds = self.snap.suggest_seconds
        return self.was.optimizer.with_(
            observations=learned + len(self.snap.warm_start.observations or ()),
            last_suggest_seconds=self.was.optimizer.last_suggest_seconds if seconds is None else round(seconds, 3),
            score_calibration=calibration(runs, "score"),
            cost_calibration=calibration(runs, "cost"),
        )

    def _conditions(self, runs: Sequence[SweepRun], end: End | None, absorbed: bool, terminal: bool) -> list[Condition]:
        conditions = [self._accepted(), self._suspended()]
        if not absorbed:
            conditions.append(self._succeeded(runs, end, terminal))
        suggested = self.snap.suggested
        if suggested is not None and suggested.error is None:
            conditions.append(self._condition("OptimizerHealthy", "True", "Suggesting", ""))
        elif suggested is not None:
            reason = "Fallback" if suggested.suggestions else "NoSuggestion"
            conditions.append(self._condition("OptimizerHealthy", "False", reason, suggested.error or ""))
        if self.spec.warm_start is not None:
            conditions += self._warm_started()
        return conditions

    def _warm_started(self) -> list[Condition]:
        state = self.snap.warm_start
        if state.observations is None:
            text = f"{state.problem}; retrying"
            return [self._condition("WarmStarted", "Unknown", "Waiting", text)] if state.problem else []
        text = "; ".join([f"{len(state.observations)} observations", *state.notes])
        if state.problem:
            return [self._condition("WarmStarted", "False", "SourceUnreadable", f"{state.problem} ({text})")]
        return [self._condition("WarmStarted", "True", "Read", text)]

    def _accepted(self) -> Condition:
        if self.accepted:
            return self._condition("Accepted", "True", "Valid", "")
        return self._condition("Accepted", "False", "Invalid", "; ".join(map(str, self.snap.problems)))

    def _suspended(self) -> Condition:
        if self.spec.suspend:
            return self._condition("Suspended", "True", "Requested", f"spec.suspend, {self.spec.suspend_policy}")
        return self._condition("Suspended", "False", "Active", "")

    def _succeeded(self, runs: Sequence[SweepRun], end: End | None, terminal: bool) -> Condition:
        if terminal and end is not None:
            return self._condition("Succeeded", "True" if end.succeeded else "False", end.reason, end.message)
        if not self.accepted:
            return self._condition("Succeeded", "Unknown", "NotAccepted", "")
        if self.spec.suspend:
            return self._condition("Succeeded", "Unknown", "Suspended", "")
        if end is not None and end.terminate != "finish":
            return self._condition("Succeeded", "Unknown", "Ending", f"{end.reason}: waiting for active runs")
        return self._condition("Succeeded", "Unknown", "Running", "")

    def _condition(
        self, type_: str, status: Literal["True", "False", "Unknown"], reason: str, message: str
    ) -> Condition:
        return Condition(
            type=type_,
            status=status,
            reason=reason,
            message=message[:2048],
            last_transition_time=self.snap.now,
            observed_generation=self.sweep.metadata.generation,
        )

    # -- waking -----------------------------------------------------------------------------------------------------

    def _wake(self, runs: Sequence[RunPlan], status: SweepStatus, terminal: bool) -> datetime | None:
        times = [p.wake for p in runs if p.wake is not None]
        limit = self.spec.limits.active_deadline_seconds
        if limit is not None and not terminal and status.active_since is not None:
            times.append(self.snap.now + timedelta(seconds=limit - active_seconds(status, self.snap.now)))
        return min(times, default=None)


def _counts_as_failed(run: SweepRun) -> bool:
    return run.status.failure is None or FAILURES[run.status.failure.class_].counts_as_failed != "never"
