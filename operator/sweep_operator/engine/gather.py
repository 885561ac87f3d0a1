"""Builds a Snapshot from the store; objects that seem to be missing are confirmed by live reads first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import STAGES, Stage, SweepRun
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.domain.identity import belongs
from sweep_operator.domain.revisions import RunTemplate, revision_name
from sweep_operator.engine.memory import Memory
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import Kind, Kube, NotFound
from sweep_operator.manifests.revision import read_revision


class Gatherer:
    """Builds Snapshots."""

    def __init__(self, kube: Kube, store: Store) -> None:
        self._kube, self._store = kube, store

    async def snapshot(
        self,
        sweep: Sweep,
        problems: tuple[FieldError, ...],
        memory: Memory,
        config: OperatorConfig,
        now: datetime,
        tracking: TrackingReport | None = None,
    ) -> Snapshot:
        """All objects of ``sweep``, consistent enough to decide on."""
        namespace, name = sweep.metadata.namespace, sweep.name
        runs = self._runs(sweep, memory)
        await self._settle(namespace, name, runs, memory)
        revisions = await self._revisions(namespace, name, runs)
        owned = {r.name for r in runs}
        return Snapshot(
            sweep=sweep,
            runs=tuple(runs),
            jobs=tuple(j for j in self._jobs(namespace, name, memory) if j.run in owned),
            pods=tuple(p for p in self._pods(namespace, name, memory) if p.run in owned),
            revisions=revisions,
            now=now,
            config=config,
            problems=problems,
            claims=frozenset(
                c["metadata"]["name"]
                for c in self._store.labeled(Kind.CLAIM, namespace, name)
                if not c["metadata"].get("deletionTimestamp")
            ),
            logs=dict(memory.logs),
            refusals=dict(memory.refusals),
            foreign_jobs=frozenset(memory.foreign_jobs),
            burnt=frozenset(memory.burnt),
            suggested=memory.suggested_for(sweep.metadata.generation),
            suggest_seconds=memory.suggest_seconds,
            warm_start=memory.warm_start,
            tracking=tracking,
            run_limit=memory.run_limit,
        )

    def _runs(self, sweep: Sweep, memory: Memory) -> list[SweepRun]:
        stored = self._store.labeled(Kind.SWEEP_RUN, sweep.metadata.namespace, sweep.name)
        return [r for r in memory.runs.all(stored) if r is not None and belongs(r, sweep)]

    def _jobs(self, namespace: str, sweep: str, memory: Memory) -> list[JobView]:
        views = memory.jobs.all(self._store.labeled(Kind.JOB, namespace, sweep))
        return [v for v in views if v is not None]

    def _pods(self, namespace: str, sweep: str, memory: Memory) -> list[PodView]:
        views = memory.pods.all(self._store.labeled(Kind.POD, namespace, sweep))
        return [v for v in views if v is not None]

    async def _settle(self, namespace: str, sweep: str, runs: list[SweepRun], memory: Memory) -> None:
        """A watch may lag: an attempt whose Job or pods are not in the store is read live before a decision."""
        jobs = {(j.run, j.stage, j.attempt): j for j in self._jobs(namespace, sweep, memory)}
        with_pods = {(p.run, p.stage, p.attempt) for p in self._pods(namespace, sweep, memory)}
        for run in runs:
            for stage in active_stages(run):
                status = run.status.stage(stage)
                place = (run.name, stage, status.attempt)
                job = jobs.get(place)
                if job is None and status.job_name is not None and status.start_time is not None:
                    await self._refresh_job(namespace, status.job_name)
                if place not in with_pods and (job is None or job.finished or job.deleting):
                    await self._refresh_pods(namespace, run.name, stage, status.attempt)

    async def _refresh_job(self, namespace: str, name: str) -> None:
        try:
            self._store.apply(Kind.JOB, await self._kube.get(Kind.JOB, namespace, name))
        except NotFound:
            self._store.gone(Kind.JOB, namespace, name)

    async def _refresh_pods(self, namespace: str, run: str, stage: Stage, attempt: int) -> None:
        labels = {RUN_LABEL: run, STAGE_LABEL: stage, ATTEMPT_LABEL: str(attempt)}
        for pod in (await self._kube.list(Kind.POD, namespace, labels=labels)).items:
            self._store.apply(Kind.POD, pod)

    async def _revisions(self, namespace: str, sweep: str, runs: list[SweepRun]) -> Mapping[str, RunTemplate]:
        """The templates that the runs started with, by hash."""
        found: dict[str, RunTemplate] = {}
        for wanted in sorted({r.status.template_hash for r in runs if r.status.template_hash}):
            name = revision_name(sweep, wanted)
            obj = self._store.get(Kind.REVISION, namespace, name)
            if obj is None:
                try:
                    obj = await self._kube.get(Kind.REVISION, namespace, name)
                except NotFound:
                    continue
                self._store.apply(Kind.REVISION, obj)
            found[wanted] = read_revision(obj)
        return found


def active_stages(run: SweepRun) -> list[Stage]:
    """Stages with an attempt whose result is not recorded."""
    attempts = {stage: run.status.stage(stage).attempt for stage in STAGES}
    return [s for s, n in attempts.items() if n and not run.terminal and not run.status.attempt_recorded(s, n)]
