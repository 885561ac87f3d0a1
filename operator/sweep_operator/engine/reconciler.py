"""The passes over one Sweep: gather, decide, act."""

from __future__ import annotations

import dataclasses
import logging

from sweep_operator.api.errors import FieldError, InvalidObject
from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL, SWEEP_LABEL, run_object_name
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.stored import keep_unknown, read, read_with_errors
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import Plan, RunPlan
from sweep_operator.decide.refusal import ASK_AGAIN
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.sweep import decide, first_step, regime
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.domain.conditions import has_ended
from sweep_operator.engine.acceptance import Acceptance, not_accepted
from sweep_operator.engine.act import LATE_SECONDS, Executor
from sweep_operator.engine.background import Background
from sweep_operator.engine.cleanups import Cleanups
from sweep_operator.engine.errors import TRANSIENT, RunErrors
from sweep_operator.engine.forecasts import Forecasts
from sweep_operator.engine.gather import Gatherer
from sweep_operator.engine.logs import Logs
from sweep_operator.engine.objects import ATTEMPT_KINDS, Objects
from sweep_operator.engine.ports import NotLeading, Settings, Suggester, WarmStartReader
from sweep_operator.engine.preflight import Preflight
from sweep_operator.engine.queue import WorkQueue
from sweep_operator.engine.recorder import Recorder
from sweep_operator.engine.reports import Reports
from sweep_operator.engine.stalled import Errors
from sweep_operator.engine.status_writer import StatusWriter
from sweep_operator.engine.suggestions import Suggestions
from sweep_operator.engine.warm_start import RETRY_SECONDS, WarmStarter
from sweep_operator.engine.writes import Done, Writes
from sweep_operator.kube.protocol import Kind, KubeError, Object

log = logging.getLogger(__name__)

MANY_LOOKS = 10
"""Above this number of attempts, all Jobs and pods of the Sweep are read in two requests."""
Key = tuple[str, str]
"""(namespace, name) of a Sweep."""


class Reconciler:
    """One Sweep, identified by its uid. All of its state can be rebuilt from the cluster."""

    def __init__(
        self,
        key: Key,
        uid: str,
        objects: Objects,
        queue: WorkQueue[Key],
        suggester: Suggester,
        sources: WarmStartReader,
        reports: Reports,
        settings: Settings,
    ) -> None:
        self.key, self.uid = key, uid
        self._objects, self._queue, self._reports, self._settings = objects, queue, reports, settings
        name = "/".join(key)
        recorder = Recorder(objects.store, objects.events)
        self._asking = Background(f"{name}: the suggestion", self._requeue, 1.0)
        self._reading = Background(f"{name}: the warm start", self._requeue, RETRY_SECONDS)
        self._checking = Background(f"{name}: the check of constraints and patterns", self._requeue, 1.0)
        self._scanning = Background(f"{name}: the search in logs", self._requeue, 1.0)
        self._forecasting = Background(f"{name}: the forecasts", self._requeue, 1.0)
        self._backgrounds = (self._asking, self._reading, self._checking, self._scanning, self._forecasting)
        self._forecasts = Forecasts(settings.forecaster, self._forecasting, lambda: queue.add(key))
        self._suggestions = Suggestions(suggester, self._asking, lambda: queue.add(key), settings.monotonic)
        self._warm_start = WarmStarter(objects, sources, recorder, self._reading, settings)
        self._preflight = Preflight(objects, settings.now)
        self.acceptance = Acceptance(objects.kube, self._preflight, recorder, self._checking, settings)
        self.cleanups = Cleanups(objects, self._after_cleanups)
        self._gatherer = Gatherer(objects, *key, settings.config, self.cleanups.runs, settings.read_run)
        self._executor = Executor(objects, recorder, self._preflight, self.cleanups, settings)
        self._status = StatusWriter(objects, recorder, settings)
        self._writes = Writes(self._executor, self._status, recorder, settings)
        self._parsed: tuple[Object, Sweep, list[FieldError]] | None = None
        self._read_names: set[str] = set()
        """Runs whose leftovers were read while Jobs and pods may be missing."""
        self._settled: Object | None = None
        """The Sweep that has ended, if the latest pass over it has found nothing to do."""
        self._logs = Logs(objects.kube, settings.evaluator, self._scanning, settings.monotonic)

    def close(self) -> None:
        """Cancel the background tasks."""
        self._gatherer.close()
        self.cleanups.close()
        for background in self._backgrounds:
            background.cancel()

    def rests(self, obj: Object | None) -> bool:
        """Whether another pass over the Sweep ``obj`` would find nothing to do. Timers are set for what has a time."""
        return obj is not None and obj is self._settled and not self._gatherer.changed

    async def reconcile(self, obj: Object, run_limit: int | None) -> None:
        """One pass over the Sweep ``obj``. Raises RunErrors, or the error that has stopped the pass."""
        self._settled = None
        try:
            sweep, unreadable = self._read(obj)
        except InvalidObject as error:
            await self._refuse(obj, error.errors)
            return
        try:
            if await self.acceptance.check(sweep, unreadable) and await self._warm_start.recall(sweep):
                await self._pass(sweep, run_limit)
            elif self._background_error is not None:  # otherwise the next pass continues
                await self._report(self._background_error)
        except (RunErrors, *TRANSIENT):
            raise
        except Exception as error:
            await self._report(error)
            raise

    def _read(self, obj: Object) -> tuple[Sweep, list[FieldError]]:
        """The Sweep and the errors of its fields; each version is parsed once. Raises InvalidObject."""
        if self._parsed is None or self._parsed[0] is not obj:
            self._parsed = (obj, *read_with_errors(Sweep, obj))
        return self._parsed[1:]

    async def _pass(self, sweep: Sweep, run_limit: int | None) -> None:
        await self._executor.confirm(sweep)
        if self._executor.unanswered:
            self._requeue(LATE_SECONDS)
        snapshot, plan = await self._decide(sweep, run_limit)
        for pod, run in self._gatherer.orphans():
            await self._objects.release_orphan(self.key[0], pod, run)
        cleaning = self.cleanups.take_errors()
        lasting = {} if self._lasting_error is None else {"": self._lasting_error}
        done = await self._carry_out(snapshot, plan, {**lasting, **cleaning})
        errors, refusal = {**cleaning, **done.errors, **done.late_errors}, self._executor.refusal
        if done.unwritten:
            raise RunErrors(errors)
        created = plan.create and refusal is None
        more = done.changed or created or self._gatherer.unfinished  # one write may enable the next
        if more or any(run.looks for run in plan.runs):
            self._queue.add(self.key)
        if self._status.waits:
            self._requeue(self._settings.status_delay)
        await self._answer(sweep, plan)
        if plan.wake is not None:
            self._requeue(max(0.05, (plan.wake - self._settings.now()).total_seconds()))
        if errors:
            raise RunErrors(errors)
        if refusal is not None:
            raise refusal
        undelivered = plan.track is not None and plan.track.runs
        waits = undelivered or self._status.waits or self.acceptance.waits or self.cleanups.runs
        unsettled = waits or self.acceptance.problems or self._gatherer.postponed
        if not (more or lasting or plan.suggest or unsettled):
            self._settled = self._parsed[0] if self._parsed is not None and has_ended(self._parsed[0]) else None

    async def _carry_out(self, snapshot: Snapshot, plan: Plan, failures: Errors) -> Done:
        """Send the plan's requests. Meanwhile the optimizer computes what the next pass needs."""
        done = Done(snapshot.sweep)
        self._suggestions.use(plan.create)
        self._suggestions.request(snapshot.sweep, plan.suggest)
        try:
            await self._writes.carry_out(plan, done, failures, lambda run: self._first_step(snapshot, run))
        finally:
            if not done.reserved:
                self._suggestions.give_back()
            elif any(run.index in self._executor.burnt for run in plan.create):
                self._suggestions.request(snapshot.sweep, None)  # they were computed with a run that does not exist
        return done

    def _first_step(self, snapshot: Snapshot, run: SweepRun) -> RunPlan | None:
        """The plan of a new run. None: the Sweep has changed since ``snapshot``."""
        obj, decided = self._objects.store.get(Kind.SWEEP, *self.key), snapshot.sweep.metadata
        meta = {} if obj is None else obj["metadata"]
        if meta.get("deletionTimestamp") or (meta.get("uid"), meta.get("generation")) != (self.uid, decided.generation):
            return None
        try:
            return first_step(self._gatherer.with_run(snapshot, run, self._settings.now()), run)
        except Exception as error:  # other runs are not affected
            return RunPlan(run, run.status, error=error)

    async def _decide(self, sweep: Sweep, run_limit: int | None) -> tuple[Snapshot, Plan]:
        """Decide. Before an attempt ends without a result, read its Job and its pods, and decide again."""
        snapshot, plan = await self._known_names(sweep, run_limit)
        looks = [(run.run.name, look) for run in plan.runs for look in run.looks]
        if not looks:
            return snapshot, self._rest(sweep, plan)
        labels = [{RUN_LABEL: n, STAGE_LABEL: look.stage, ATTEMPT_LABEL: str(look.attempt)} for n, look in looks]
        many = len(labels) > MANY_LOOKS and not self._settings.own_kube  # which finds those of a run at once
        for selector in [{SWEEP_LABEL: sweep.name}] if many else labels:
            for kind in ATTEMPT_KINDS:
                await self._objects.refresh(kind, sweep.metadata.namespace, selector)
        looked = frozenset(look.job for _, look in looks)
        snapshot = dataclasses.replace(await self._snapshot(sweep, run_limit), looked=looked)
        return snapshot, self._rest(sweep, decide(snapshot))

    async def _known_names(self, sweep: Sweep, run_limit: int | None) -> tuple[Snapshot, Plan]:
        """Decide. While Jobs and pods may be missing, read what an earlier run has left under the name of a run that is
        to start, and decide again."""
        snapshot = await self._snapshot(sweep, run_limit)
        plan = decide(snapshot)
        if not self._objects.store.is_partial(self.key[0]):
            self._read_names.clear()
            return snapshot, plan
        new = {run_object_name(sweep.name, create.index) for create in plan.create}
        new |= {p.run.name for p in plan.runs if any(after.attempt == 1 for after in p.after)}
        new -= self._read_names
        if not new:
            return snapshot, plan
        for kind in ATTEMPT_KINDS:
            await self._objects.refresh_runs(kind, self.key[0], new)
        self._read_names |= new
        snapshot = await self._snapshot(sweep, run_limit)
        return snapshot, decide(snapshot)

    def _rest(self, sweep: Sweep, plan: Plan) -> Plan:
        """Let the runs rest for which nothing is to do. The rest of a log is asked for before: an outage may stop this
        pass, and what is found wakes the run."""
        for run in plan.runs:
            if run.follow is not None and run.follow.last:
                self._reports.follow(self.key, run.run.name, run.follow)
        self._gatherer.rest(sweep, plan.runs, self._tracking_report)
        return plan

    @property
    def _background_error(self) -> Exception | None:
        return next((b.error for b in self._backgrounds if b.error is not None), None)

    @property
    def _lasting_error(self) -> Exception | None:
        """What concerns the whole Sweep and was found before this pass."""
        return self._background_error or self._executor.refusal

    async def _report(self, error: Exception) -> None:
        """Write the condition about an error that stops the passes over the whole Sweep."""
        obj = self._objects.store.get(Kind.SWEEP, *self.key)
        try:
            sweep = read(Sweep, obj or {})
            await self._status.write(sweep, sweep.status, (), {"": error})
        except (KubeError, NotLeading, InvalidObject) as failure:
            log.warning("cannot report the error on the Sweep: %s", failure)

    async def _refuse(self, obj: Object, errors: list[FieldError]) -> None:
        """Report a spec that cannot be read (admission did not reject it); its runs are not changed."""
        was = obj.get("status") or {}
        status = keep_unknown(SweepStatus, was, not_accepted(obj, errors, self._settings.now()))
        if status != was:
            await self._objects.write_status(Kind.SWEEP, ObjectMeta.model_validate(obj["metadata"]), status)

    async def _snapshot(self, sweep: Sweep, run_limit: int | None) -> Snapshot:
        snapshot = await self._gather(sweep, run_limit)
        return await self._gather(sweep, run_limit) if self._gatherer.wake_live(regime(snapshot)) else snapshot

    async def _gather(self, sweep: Sweep, run_limit: int | None) -> Snapshot:
        report = self._tracking_report
        self._gatherer.wake(self._reports.take_news(self.key) | self._forecasts.take_news())
        reports = self._reports.readings(self.key)
        return dataclasses.replace(
            await self._gatherer.snapshot(sweep, self._settings.now(), report),
            problems=self.acceptance.problems,
            waits=self.acceptance.waits,
            reports=reports,
            report_write_seconds=self._settings.report_write_seconds,
            logs=dict(self._logs.readings),
            refusals=dict(self._preflight.refusals),
            foreign_jobs=frozenset(self._executor.foreign_jobs),
            burnt=frozenset(self._executor.burnt),
            unanswered=len(self._executor.unanswered),
            uncreated=self._executor.uncreated(sweep),
            forecasts=self._forecasts.known,
            suggested=self._suggestions.of_generation(sweep.metadata.generation),
            suggest_seconds=self._suggestions.seconds,
            at_once=self._suggestions.demand.at_once,
            source_weights=self._suggestions.source_weights,
            warm_start=self._warm_start.state,
            tracking=report,
            run_limit=run_limit,
            failures_since=self._settings.failures_since,
        )

    @property
    def _tracking_report(self) -> TrackingReport | None:
        tracker = self._settings.tracker
        return tracker.report(self.key, self.uid) if tracker is not None else None

    async def _answer(self, sweep: Sweep, plan: Plan) -> None:
        """Find out what the plan needs to know; the answers are input of a later pass."""
        logs = [request for run in plan.runs for request in run.logs]
        self._logs.read(sweep.metadata.namespace, logs)
        for run in plan.runs:
            if not run.logs:  # the rest of its reports is wanted after that search
                self._reports.follow(self.key, run.run.name, run.follow)
        jobs = [probe.job for run in plan.runs for probe in run.probes]
        if jobs:
            self._requeue(ASK_AGAIN.total_seconds())
        if await self._preflight.probe(sweep.metadata.namespace, jobs):
            self._queue.add(self.key)
        if self._settings.tracker is not None:
            self._settings.tracker.offer(self.key, sweep, plan.track)
        if plan.read_warm_start:
            self._warm_start.read(sweep)
        self._forecasts.request(sweep, plan.forecast)

    def _after_cleanups(self, failed: bool) -> None:
        if failed:  # the next pass repeats what has failed
            self._queue.add_failed(self.key)
        else:
            self._queue.add(self.key)

    def _requeue(self, seconds: float) -> None:
        self._queue.add_after(self.key, seconds)
