"""Carries out plans with idempotent writes, in an order that makes a crash between any two of them harmless.

Per run: what its status refers to, then the status, then the Job that the status announces. The cleanup of what is
recorded begins after the status. Events follow the change they report, and may be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from sweep_operator.api.hardware import Profile
from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.names import job_name, run_object_name
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun, SweepRunStatus
from sweep_operator.decide.plan import (
    CreateRun,
    EnsureRevision,
    EnsureStage,
    Event,
    RunPlan,
)
from sweep_operator.domain.identity import belongs
from sweep_operator.domain.revisions import revision_name
from sweep_operator.engine.cleanups import Cleanups
from sweep_operator.engine.each import each
from sweep_operator.engine.errors import OUTAGES
from sweep_operator.engine.log_keys import log_keys
from sweep_operator.engine.objects import Objects
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.preflight import Preflight
from sweep_operator.engine.recorder import Recorder
from sweep_operator.kube.protocol import Conflict, Forbidden, Invalid, Kind, KubeError, Object, UnknownOutcome
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.claim import build_claim
from sweep_operator.manifests.job import build_job
from sweep_operator.manifests.ownership import owned_by_sweep, sweep_labels
from sweep_operator.manifests.revision import build_revision
from sweep_operator.manifests.service import build_service
from sweep_operator.manifests.sweeprun import build_run

ADOPTIONS = 8
"""Runs of a Sweep that are adopted at the same time. Users may create thousands: others must not wait for them."""
LATE_SECONDS = 10.0
"""How long a request that got no answer may still take effect. The lease has a margin for the same reason."""
Begin = Callable[[SweepRun], Awaitable[None]]
"""Starts a run that was just created."""


class Executor:
    """Executes the plans of one Sweep. Methods raise KubeError; completed writes stay."""

    def __init__(
        self, objects: Objects, recorder: Recorder, preflight: Preflight, cleanups: Cleanups, settings: Settings
    ) -> None:
        self._objects, self._recorder, self._preflight, self._settings = objects, recorder, preflight, settings
        self._cleanups = cleanups
        self.foreign_jobs: set[str] = set()
        """Names of our Jobs that belong to other owners."""
        self.burnt: set[int] = set()
        """Indices whose SweepRuns belong to other owners."""
        self.unanswered: dict[int, tuple[CreateRun, float]] = {}
        """By index: (run whose creation got no answer and may still take effect, when it was sent)."""
        self._uncreated: tuple[int, dict[int, CreateRun]] = (0, {})
        """(generation of the Sweep, by index: runs that certainly do not exist, though their indices are reserved)."""
        self.refusal: KubeError | None = None
        """Why the API server refuses to create runs."""
        self._raised: dict[str, set[tuple[Stage, int]]] = {}
        """By run uid: (stage, attempt) that this process started: no live read of the run precedes their Jobs."""
        self._revising = asyncio.Lock()
        self._adopting = asyncio.Semaphore(ADOPTIONS)

    async def write(self, sweep: Sweep, plan: RunPlan) -> RunPlan:
        """Write the status of one run and what it refers to. Return the plan as far as it can be carried out now."""
        with log_keys(run=plan.run.name):
            for before in plan.before:
                if isinstance(before, EnsureRevision):
                    await self._ensure_revision(sweep, before)
                else:
                    async with self._adopting:
                        await self._adopt_run(sweep, plan.run)
                    # its resourceVersion has changed: the rest follows in the next pass
                    return replace(plan, status=plan.run.status, after=())
            if plan.status != plan.run.status:
                await self._objects.write_status(Kind.SWEEP_RUN, plan.run.metadata, plan.status.to_json())
                self._note_raised(plan)
            await self._cleanups.begin(sweep, plan.run, plan.cleanup)
            self._recorder.record(sweep, plan.events)
        return plan

    async def start(self, sweep: Sweep, plan: RunPlan) -> None:
        """Create the Jobs that the written status announces."""
        with log_keys(run=plan.run.name):
            for after in plan.after:
                await self._ensure_stage(sweep, plan.updated, after)

    def _note_raised(self, plan: RunPlan) -> None:
        if plan.updated.terminal:
            self._raised.pop(plan.run.metadata.uid, None)
        elif plan.after:
            raised = self._raised.setdefault(plan.run.metadata.uid, set())
            raised |= {(after.stage, after.attempt) for after in plan.after}

    async def confirm(self, sweep: Sweep) -> None:
        """Find out what became of the creations that got no answer, before a decision counts the runs.

        Such a run keeps its slot for as long as its request may still arrive. The request is not repeated: its run may
        have been created and deleted by a user meanwhile, and the index would be used twice.
        """
        for index, (create, sent) in list(self.unanswered.items()):
            name = run_object_name(sweep.name, index)
            obj = await self._objects.read(Kind.SWEEP_RUN, sweep.metadata.namespace, name)
            if obj is not None:
                await self._created(sweep, create, read(SweepRun, obj))
            if obj is not None or self._settings.monotonic() - sent >= LATE_SECONDS:
                del self.unanswered[index]

    def uncreated(self, sweep: Sweep) -> tuple[CreateRun, ...]:
        """Planned runs that do not exist. They keep their indices, unless the spec has changed."""
        generation, runs = self._uncreated
        return tuple(runs.values()) if generation == sweep.metadata.generation else ()

    def note_reserved(self, sweep: Sweep, creates: Sequence[CreateRun]) -> None:
        """Note that the indices of these runs are reserved, and that the runs do not exist yet."""
        planned = {create.index: create for create in (*self.uncreated(sweep), *creates)}
        self._uncreated = sweep.metadata.generation, planned

    async def create_runs(self, sweep: Sweep, creates: Sequence[CreateRun], begin: Begin) -> None:
        """Create runs whose indices are reserved. An index whose name belongs to another owner is skipped.

        ``begin`` is called with each new run. Raises an outage.
        """
        self.refusal = None

        async def create_one(create: CreateRun) -> None:
            run = await self._create_run(sweep, create)
            if _is_new(run, sweep):
                await begin(run)

        try:
            await each(creates, create_one, self._settings.writes)
        except OUTAGES:
            raise
        except KubeError as error:
            self.refusal = error

    async def _create_run(self, sweep: Sweep, create: CreateRun) -> SweepRun:
        body = build_run(sweep, create.index, create.parameters, create.origin, create.prediction, create.provenance)
        try:
            run = read(SweepRun, await self._objects.create(Kind.SWEEP_RUN, body))
        except UnknownOutcome:
            self.unanswered[create.index] = create, self._settings.monotonic()
            self._uncreated[1].pop(create.index)
            raise
        self._uncreated[1].pop(create.index)
        await self._created(sweep, create, run)
        return run

    async def _created(self, sweep: Sweep, create: CreateRun, run: SweepRun) -> None:
        """Report the run that has the name of the new one."""
        name = run.name
        event = Event("RunCreated", f"origin {create.origin}", name)
        if not belongs(run, sweep):
            self.burnt.add(create.index)
            message = (
                f"a SweepRun with the name {name} already exists and is not owned by this Sweep; "
                f"skipping index {create.index}"
            )
            event = Event("IndexTaken", message, None, "Warning")
        self._recorder.record(sweep, (event,))

    async def _ensure_revision(self, sweep: Sweep, action: EnsureRevision) -> None:
        name = revision_name(sweep.name, action.template.hash)
        async with self._revising:  # runs that start together have the same template
            obj = self._objects.store.get(Kind.REVISION, sweep.metadata.namespace, name)
            obj = obj or await self._objects.create(Kind.REVISION, build_revision(sweep, action.template))
            await self._adopt(sweep, Kind.REVISION, obj)

    async def _adopt_run(self, sweep: Sweep, run: SweepRun) -> None:
        """Adopt a run without a controller, and the ControllerRevision that it started with."""
        namespace, store = run.metadata.namespace, self._objects.store
        if run.status.template_hash is not None:
            revision = store.get(Kind.REVISION, namespace, revision_name(sweep.name, run.status.template_hash))
            with suppress(Invalid):  # created by version 0.1.0: the API server rejects every change of it
                await self._adopt(sweep, Kind.REVISION, revision)
        await self._adopt(sweep, Kind.SWEEP_RUN, store.get(Kind.SWEEP_RUN, namespace, run.name))

    async def _adopt(self, sweep: Sweep, kind: Kind, obj: Object | None) -> None:
        """Make the Sweep the controller of an object without one.

        The Sweep is read first: a deleted one that is still cached must not own anything, because the garbage collector
        deletes what it owns.
        """
        if obj is None or _controller(obj) is not None:
            return
        live = await self._objects.read(Kind.SWEEP, sweep.metadata.namespace, sweep.name)
        meta = ObjectMeta.model_validate(live["metadata"]) if live is not None else None
        if meta is None or meta.uid != sweep.metadata.uid or meta.deletion_timestamp is not None:
            raise Conflict(f"Sweep {sweep.name} was deleted")
        old = obj["metadata"]
        metadata = {
            "uid": old["uid"],
            "labels": sweep_labels(sweep),
            "ownerReferences": [*(old.get("ownerReferences") or []), *owned_by_sweep(sweep)],
        }
        try:
            patched = await self._objects.kube.patch(
                kind, old["namespace"], old["name"], {"metadata": metadata}, resource_version=old["resourceVersion"]
            )
        except Conflict:
            # Nothing else refreshes a ControllerRevision: its kind is neither watched nor listed.
            await self._objects.read(kind, old["namespace"], old["name"])
            raise
        self._objects.store.apply(kind, patched)

    # -- the Job of an attempt --------------------------------------------------------------------------------------

    async def _ensure_stage(self, sweep: Sweep, run: SweepRun, action: EnsureStage) -> None:
        raised = self._raised.setdefault(run.metadata.uid, set())
        if (action.stage, action.attempt) not in raised and not await self._still_wanted(run, action):
            return
        raised.add((action.stage, action.attempt))
        name = job_name(run.name, action.stage, action.attempt)
        try:
            await self._create_stage(sweep, run, action)
        except (Forbidden, Invalid) as error:  # the run waits and says why; other runs are not affected
            refusal = self._preflight.refused(name, error)
            if refusal is not None:
                event = Event(refusal.reason, refusal.message[:1000], run.name, "Warning")
                self._recorder.record(sweep, (event,))
        else:
            self._preflight.refusals.pop(name, None)

    async def _create_stage(self, sweep: Sweep, run: SweepRun, action: EnsureStage) -> None:
        """Claim, Service and Job. Raises Conflict while the Service of a deleted run still has the name."""
        objects, config, template = self._objects, self._settings.config, action.template
        claim = build_claim(sweep, run, template)
        if claim and objects.store.get(Kind.CLAIM, run.metadata.namespace, claim["metadata"]["name"]) is None:
            await objects.create(Kind.CLAIM, claim)
        profile = config.profiles.get(template.of_stage(action.stage).hardware, Profile())
        attempt = StageAttempt(
            sweep, run, template, action.stage, action.attempt, profile, action.deadline_seconds, config.wandb_base_urls
        )
        service = build_service(attempt)
        if service and _controller(await objects.create(Kind.SERVICE, service)) != run.metadata.uid:
            raise Conflict(f"Service {attempt.name} is not owned by this run; waiting until it is deleted")
        if _controller(await objects.create(Kind.JOB, build_job(attempt))) != run.metadata.uid:
            self.foreign_jobs.add(attempt.name)

    async def _still_wanted(self, run: SweepRun, action: EnsureStage) -> bool:
        """For an attempt that another process started: whether the live run still needs its Job."""
        obj = await self._objects.read(Kind.SWEEP_RUN, run.metadata.namespace, run.name)
        if obj is None:
            return False
        live = read(SweepRun, obj)
        status = live.status.stage(action.stage)
        return (
            live.metadata.uid == run.metadata.uid
            and not live.terminal
            and live.metadata.deletion_timestamp is None
            and status.attempt == action.attempt
            and not live.status.attempt_recorded(action.stage, action.attempt)
        )


def _is_new(run: SweepRun, sweep: Sweep) -> bool:
    """Whether nothing has happened to a run since its creation. Another process may have created it, and gone on."""
    return belongs(run, sweep) and run.metadata.deletion_timestamp is None and run.status == SweepRunStatus()


def _controller(obj: Object) -> str | None:
    return ObjectMeta.model_validate(obj["metadata"]).controller_uid()
