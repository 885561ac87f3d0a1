"""Carries out plans with idempotent writes, in an order that makes a crash between any two of them harmless.

Per run: what its status refers to, then the status, then the Job that the status announces, then the cleanup of what is
recorded. Then new runs. Then the Sweep's status, once. Events follow the change they report, and may be lost.
"""

from __future__ import annotations

import logging

from sweep_operator.api.hardware import Profile
from sweep_operator.api.names import (
    RESULT_FINALIZER,
    RUN_LABEL,
    job_name,
    run_object_name,
)
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import (
    Adopt,
    CreateRun,
    DeleteClaim,
    DeleteJob,
    DeleteJobs,
    EnsureRevision,
    EnsureStage,
    Event,
    Plan,
    ReleasePod,
    RemovePod,
    RunPlan,
)
from sweep_operator.decide.refusal import refuse
from sweep_operator.domain.identity import claim_name
from sweep_operator.domain.revisions import revision_name
from sweep_operator.engine.log_keys import log_keys
from sweep_operator.engine.memory import Memory
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.recorder import Recorder
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import AlreadyExists, Conflict, Forbidden, Invalid, Kind, Kube, NotFound, Object
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.claim import build_claim
from sweep_operator.manifests.job import build_job
from sweep_operator.manifests.ownership import owned_by_sweep, run_labels, sweep_labels
from sweep_operator.manifests.revision import build_revision
from sweep_operator.manifests.service import build_service
from sweep_operator.manifests.sweeprun import build_run

log = logging.getLogger(__name__)

_MOVES_WAIT = 15
"""Multiple of the status delay that a status waits when runs have only moved from one state to the next."""


class Executor:
    """Executes plans. Every response goes into the store, so that the next pass sees it."""

    def __init__(self, kube: Kube, store: Store, recorder: Recorder, settings: Settings) -> None:
        self._kube, self._store, self._recorder, self._settings = kube, store, recorder, settings

    async def carry_out(self, sweep: Sweep, plan: Plan, memory: Memory) -> bool:
        """Return whether anything was written; another pass should follow then, because one write may enable the next.

        A plan without changes writes nothing. Raises KubeError; completed writes stay.
        """
        for run_plan in plan.runs:
            with log_keys(run=run_plan.run.name):
                await self._run(sweep, run_plan, memory)
        for create in plan.create:
            await self._reserve(sweep, create, memory)
        changed = not self._may_wait(sweep, plan, memory) and await self._sweep_status(sweep, plan, memory)
        return changed or bool(plan.create) or any(_writes(p) for p in plan.runs)

    # -- runs -------------------------------------------------------------------------------------------------------

    async def _run(self, sweep: Sweep, plan: RunPlan, memory: Memory) -> None:
        run = plan.run
        for before in plan.before:
            if isinstance(before, EnsureRevision):
                await self._ensure_revision(sweep, before)
            elif isinstance(before, Adopt):
                await self._adopt(sweep, run)
                return  # its resourceVersion has moved: the rest follows in the next pass
        if plan.status != run.status:
            self._settings.check_leading()
            body = self._body(Kind.SWEEP_RUN, run.metadata.namespace, run.name) | {"status": plan.status.to_json()}
            body["metadata"] = {**body["metadata"], "resourceVersion": run.metadata.resource_version}
            self._store.apply(Kind.SWEEP_RUN, await self._kube.update_status(Kind.SWEEP_RUN, body))
            for after in plan.after:
                memory.raised.add((run.metadata.uid, after.stage, after.attempt))
        for after in plan.after:
            await self._ensure_stage(sweep, plan.updated, after, memory)
        for cleanup in plan.cleanup:
            if isinstance(cleanup, DeleteJob):
                await self._delete(Kind.JOB, run.metadata.namespace, cleanup.name, cleanup.uid)
            elif isinstance(cleanup, DeleteJobs):
                await self._delete_jobs(sweep, run)
            elif isinstance(cleanup, ReleasePod):
                await self.release(run.metadata.namespace, cleanup)
            elif isinstance(cleanup, RemovePod):
                await self._delete(Kind.POD, run.metadata.namespace, cleanup.name, cleanup.uid, grace_seconds=0)
            elif isinstance(cleanup, DeleteClaim):
                await self._delete(Kind.CLAIM, run.metadata.namespace, claim_name(run), None)
        await self._recorder.record(sweep, plan.events)

    async def _ensure_revision(self, sweep: Sweep, action: EnsureRevision) -> None:
        name = revision_name(sweep.name, action.template.hash)
        if self._store.get(Kind.REVISION, sweep.metadata.namespace, name) is None:
            await self._create(Kind.REVISION, build_revision(sweep, action.template))

    async def _adopt(self, sweep: Sweep, run: SweepRun) -> None:
        patch: Object = {"metadata": {"labels": sweep_labels(sweep), "ownerReferences": owned_by_sweep(sweep)}}
        patched = await self._kube.patch(
            Kind.SWEEP_RUN,
            run.metadata.namespace,
            run.name,
            patch,
            resource_version=run.metadata.resource_version,
        )
        self._store.apply(Kind.SWEEP_RUN, patched)

    async def _ensure_stage(self, sweep: Sweep, run: SweepRun, action: EnsureStage, memory: Memory) -> None:
        """Claim, Service and Job of one attempt."""
        mark = (run.metadata.uid, action.stage, action.attempt)
        if mark not in memory.raised and not await self._still_wanted(run, action):
            return
        memory.raised.add(mark)
        try:
            await self._create_stage(sweep, run, action, memory)
        except (Forbidden, Invalid) as error:
            await self._note_refusal(sweep, run, action, error, memory)
        else:
            memory.refusals.pop(job_name(run.name, action.stage, action.attempt), None)

    async def _note_refusal(
        self, sweep: Sweep, run: SweepRun, action: EnsureStage, error: Forbidden | Invalid, memory: Memory
    ) -> None:
        """Record why the run waits. Other runs are not affected."""
        name = job_name(run.name, action.stage, action.attempt)
        before = memory.refusals.get(name)
        now = refuse(str(error), final=isinstance(error, Invalid), now=self._settings.now(), before=before)
        memory.refusals[name] = now
        if before is None or before.reason != now.reason:
            await self._recorder.record(sweep, (Event(now.reason, now.message[:1000], run.name, "Warning"),))

    async def _create_stage(self, sweep: Sweep, run: SweepRun, action: EnsureStage, memory: Memory) -> None:
        claim = build_claim(sweep, run, action.template)
        if claim is not None and self._store.get(Kind.CLAIM, run.metadata.namespace, claim["metadata"]["name"]) is None:
            await self._create(Kind.CLAIM, claim)
        config, template = self._settings.config, action.template
        profile = config.profiles.get(template.of_stage(action.stage).hardware, Profile())
        attempt = StageAttempt(
            sweep, run, template, action.stage, action.attempt, profile, action.deadline_seconds, config.wandb_base_urls
        )
        service = build_service(attempt)
        if service is not None:
            await self._create_service(run, service)
        created = await self._create(Kind.JOB, build_job(attempt))
        if _controller(created) != run.metadata.uid:
            memory.foreign_jobs.add(attempt.name)

    async def _create_service(self, run: SweepRun, body: Object) -> None:
        """Raises Conflict while another owner's Service has the name: that of a deleted run is about to be deleted."""
        service = await self._create(Kind.SERVICE, body)
        if _controller(service) != run.metadata.uid:
            raise Conflict(f"Service {body['metadata']['name']} is not owned by this run; waiting until it is deleted")

    async def _still_wanted(self, run: SweepRun, action: EnsureStage) -> bool:
        """For an attempt that another process started: whether the live run still needs its Job."""
        try:
            obj = await self._kube.get(Kind.SWEEP_RUN, run.metadata.namespace, run.name)
        except NotFound:
            self._store.gone(Kind.SWEEP_RUN, run.metadata.namespace, run.name)
            return False
        self._store.apply(Kind.SWEEP_RUN, obj)
        live = SweepRun.model_validate(obj)
        status = live.status.stage(action.stage)
        return (
            live.metadata.uid == run.metadata.uid
            and not live.terminal
            and live.metadata.deletion_timestamp is None
            and status.attempt == action.attempt
            and not live.status.attempt_recorded(action.stage, action.attempt)
        )

    async def release(self, namespace: str, action: ReleasePod) -> None:
        """Remove the operator's finalizer from a pod; other finalizers stay."""
        pod = self._store.get(Kind.POD, namespace, action.name)
        if pod is None or pod["metadata"].get("uid") != action.uid:
            return
        try:
            pod = await self._kube.remove_finalizer(Kind.POD, namespace, action.name, RESULT_FINALIZER, uid=action.uid)
        except NotFound:
            self._store.gone(Kind.POD, namespace, action.name)
        except Invalid:  # another pod has this name now
            self._store.apply(Kind.POD, await self._kube.get(Kind.POD, namespace, action.name))
        else:
            self._store.apply(Kind.POD, pod)

    # -- new runs ---------------------------------------------------------------------------------------------------

    async def _reserve(self, sweep: Sweep, action: CreateRun, memory: Memory) -> None:
        body = build_run(sweep, action.index, action.parameters, action.origin, action.prediction)
        obj = await self._create(Kind.SWEEP_RUN, body)
        owner = _controller(obj)
        name = run_object_name(sweep.name, action.index)
        if owner != sweep.metadata.uid:
            memory.burnt.add(action.index)
            message = (
                f"a SweepRun with the name {name} already exists and is not owned by this Sweep; "
                f"skipping index {action.index}"
            )
            await self._recorder.record(sweep, (Event("IndexTaken", message, None, "Warning"),))
        else:
            await self._recorder.record(sweep, (Event("RunCreated", f"origin {action.origin}", name),))

    def _may_wait(self, sweep: Sweep, plan: Plan, memory: Memory) -> bool:
        """Whether the write of the Sweep's status can be delayed and combined with later changes.

        Counters, costs and the front change with every step of every run; conditions, the next index and the
        accounting of time are written at once.
        """
        was, now = sweep.status, plan.status
        if now == was:
            memory.status_waits_since = None
            return True
        if plan.create:
            return now.conditions == was.conditions  # the pass that starts these runs follows at once
        urgent = (
            now.conditions != was.conditions
            or now.next_index != was.next_index
            or now.observed_generation != was.observed_generation
            or now.active_since != was.active_since
            or _shown_as(now) != _shown_as(was)
        )
        clock = self._settings.monotonic()
        if memory.status_waits_since is None:
            memory.status_waits_since = clock
        patience = self._settings.status_delay * (_MOVES_WAIT if _only_moves(was, now) else 1)
        return not urgent and clock - memory.status_waits_since < patience

    async def _sweep_status(self, sweep: Sweep, plan: Plan, memory: Memory) -> bool:
        self._settings.check_leading()
        body = self._body(Kind.SWEEP, sweep.metadata.namespace, sweep.name) | {"status": plan.status.to_json()}
        body["metadata"] = {**body["metadata"], "resourceVersion": sweep.metadata.resource_version}
        self._store.apply(Kind.SWEEP, await self._kube.update_status(Kind.SWEEP, body))
        memory.status_waits_since = None
        await self._recorder.record(sweep, plan.events)
        return True

    # -- primitives -------------------------------------------------------------------------------------------------

    async def _create(self, kind: Kind, body: Object) -> Object:
        """Create the object; return the existing one if the name is taken."""
        self._settings.check_leading()
        meta = body["metadata"]
        try:
            obj = await self._kube.create(kind, body)
        except AlreadyExists:
            obj = await self._kube.get(kind, meta["namespace"], meta["name"])
        self._store.apply(kind, obj)
        return obj

    async def _delete(
        self, kind: Kind, namespace: str, name: str, uid: str | None, *, grace_seconds: int | None = None
    ) -> None:
        """Delete, then read: an object with finalizers still exists, and must not be deleted in every pass."""
        try:
            await self._kube.delete(kind, namespace, name, uid=uid, grace_seconds=grace_seconds)
            self._store.apply(kind, await self._kube.get(kind, namespace, name))
        except NotFound:
            self._store.gone(kind, namespace, name)
        except Conflict:
            log.info("%s %s/%s was replaced by another object; not deleted", kind, namespace, name)

    async def _delete_jobs(self, sweep: Sweep, run: SweepRun) -> None:
        namespace, labels = run.metadata.namespace, run_labels(sweep, run)
        known = [j["metadata"]["name"] for j in self._store.labeled(Kind.JOB, namespace, sweep.name) if _of(run, j)]
        await self._kube.delete_all(Kind.JOB, namespace, labels=labels)
        left = (await self._kube.list(Kind.JOB, namespace, labels=labels)).items
        for job in left:
            self._store.apply(Kind.JOB, job)
        for name in set(known) - {j["metadata"]["name"] for j in left}:
            self._store.gone(Kind.JOB, namespace, name)

    def _body(self, kind: Kind, namespace: str, name: str) -> Object:
        obj = self._store.get(kind, namespace, name)
        if obj is None:
            raise NotFound(f"{kind} {namespace}/{name} was deleted")
        return dict(obj)


def _of(run: SweepRun, job: Object) -> bool:
    return (job["metadata"].get("labels") or {}).get(RUN_LABEL) == run.name


def _only_moves(was: SweepStatus, now: SweepStatus) -> bool:
    """Whether only the numbers of pending, running, evaluating and delivered runs have changed."""
    moved = {"pending": 0, "running": 0, "evaluating": 0}
    still, then = was.with_(runs=was.runs.with_(**moved)), now.with_(runs=now.runs.with_(**moved))
    if still.tracking is not None and then.tracking is not None:
        counts = {"delivered": then.tracking.delivered, "backlog": then.tracking.backlog}
        still = still.with_(tracking=still.tracking.with_(**counts))
    return still == then


def _shown_as(status: SweepStatus) -> str | None:
    """The tracker's id of the sweep, which new pods need."""
    return status.tracking.wandb_sweep_id if status.tracking is not None else None


def _controller(obj: Object) -> str | None:
    """The uid of an object's controlling owner."""
    return next((o["uid"] for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")), None)


def _writes(plan: RunPlan) -> bool:
    return bool(plan.before or plan.after or plan.cleanup) or plan.status != plan.run.status
