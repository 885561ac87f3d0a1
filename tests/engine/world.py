"""A world for the engine in virtual time: the embedded Kube, and a kubelet that runs pods step by step.

Objects, conflicts, finalizers and garbage collection are the embedded Kube's. Only the containers are simulated, as a
function of the run's parameters.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.warm_start import WarmStart
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings, WarmStartReader, WarmStartRows
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind, Kube, Object
from sweep_operator.local.admission import admit
from tests.builders import sweep_body

NS = "default"
KEY = (NS, "s")
Outcome = tuple[int, str, str]
"""(exit code, terminated reason, termination message)"""
Program = Callable[[str, int, dict[str, Any]], Outcome]
"""(stage, attempt, parameters) -> what the container does"""


def good(stage: str, attempt: int, parameters: dict[str, Any]) -> Outcome:
    return 0, "Completed", json.dumps({"metrics": {"reward": score(parameters)}})


def score(parameters: dict[str, Any]) -> float:
    return float(parameters["x"]) * 10


class Sequence:
    """An optimizer whose suggestion is a function of the index."""

    def __init__(self) -> None:
        self.asked: list[SuggestRequest] = []

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        self.asked.append(request)
        for i in range(request.index, request.index + request.count):
            yield Suggested((Suggestion(i, {"x": (i % 97) / 97}, "random"),))

    def interrupt(self, sweep: Sweep) -> None: ...


class NoWarmStart:
    async def read(self, sweep: Sweep, warm_start: WarmStart) -> WarmStartRows:
        return WarmStartRows()


class RecordingKube(EmbeddedKube):
    """Counts how often each SweepRun was created."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.created: Counter[str] = Counter()

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        made = await super().create(kind, body, dry_run=dry_run)
        if kind == Kind.SWEEP_RUN:
            self.created[body["metadata"]["name"]] += 1
        return made


class World:
    """Everything outside the engine."""

    def __init__(self, path: Path, program: Program = good) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.kube = RecordingKube(None, clock=lambda: self.now, admission=admit)
        self.program = program
        self.suggester = Sequence()
        self.jobs_seen: dict[tuple[str, str], set[str]] = {}
        self.written: dict[str, str] = {}
        self.report_files: ReportFiles | None = None
        self._started: set[str] = set()
        self._serial = 0

    def engine(self, kube: Kube | None = None, warm_start: WarmStartReader | None = None, **changes: Any) -> Engine:
        """A fresh operator process: it knows nothing. ``changes`` of its settings."""
        settings = Settings(
            config=OperatorConfig(),
            now=lambda: self.now,
            monotonic=lambda: self.now.timestamp(),
            require_image=False,
            report_files=self.report_files,
        )
        return Engine(kube or self.kube, self.suggester, warm_start or NoWarmStart(), replace(settings, **changes))

    async def apply(self, **spec: Any) -> None:
        base: dict[str, Any] = {
            "limits": {"maxRuns": 4, "maxParallelRuns": 2},
            "perRun": {"retries": {"backoffSeconds": 5}},
            "train": {"image": "i", "command": ["train"]},
            "eval": {"command": ["evaluate"]},
        }
        await self.kube.create(Kind.SWEEP, sweep_body(metadata={"namespace": NS}, **{**base, **spec}))

    async def edit(self, **spec: Any) -> None:
        await self.kube.patch(Kind.SWEEP, NS, "s", {"spec": spec})

    # -- time -------------------------------------------------------------------------------------------------------

    async def tick(self, seconds: float = 2) -> None:
        """Time passes; pods start, and those that ran end."""
        self.now += timedelta(seconds=seconds)
        for job in (await self.kube.list(Kind.JOB)).items:
            await self._play_job(job)

    async def _play_job(self, job: Object) -> None:
        meta = job["metadata"]
        labels = meta["labels"]
        place = (labels[RUN_LABEL], labels[STAGE_LABEL])
        self.jobs_seen.setdefault(place, set()).add(meta["name"])
        if meta.get("deletionTimestamp") or (job.get("status") or {}).get("conditions"):
            return
        pods = (await self.kube.list(Kind.POD, labels={"job-name": meta["name"]})).items
        if not pods:
            await self._start_pod(job)
        elif not any((p.get("status") or {}).get("phase") in ("Succeeded", "Failed") for p in pods):
            await self._end_pod(job, pods[0])

    async def _start_pod(self, job: Object) -> None:
        assert job["metadata"]["uid"] not in self._started, "a Job gets one pod"
        self._started.add(job["metadata"]["uid"])
        self._serial += 1
        template = job["spec"]["template"]
        meta = template["metadata"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "controller": True}
        body = {
            "metadata": {
                "name": f"{job['metadata']['name']}-{self._serial}",
                "namespace": NS,
                "labels": {**meta["labels"], "job-name": job["metadata"]["name"]},
                "annotations": meta.get("annotations") or {},
                "finalizers": meta.get("finalizers") or [],
                "ownerReferences": [{**owner, "uid": job["metadata"]["uid"]}],
            },
            "spec": template["spec"],
        }
        pod = await self.kube.create(Kind.POD, body)
        state = {"running": {"startedAt": self.now.isoformat()}}
        pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "main", "state": state}]}
        await self.kube.update_status(Kind.POD, pod)

    async def _end_pod(self, job: Object, pod: Object) -> None:
        labels = pod["metadata"]["labels"]
        run = await self.run(labels[RUN_LABEL])
        stage, attempt = labels[STAGE_LABEL], int(labels[ATTEMPT_LABEL])
        code, why, message = self.program(stage, attempt, dict(run.parameters))
        if stage == "eval" or run.status.eval.attempt == 0:
            self.written[run.name] = message
        started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        end = {
            "exitCode": code,
            "reason": why,
            "message": message,
            "startedAt": started,
            "finishedAt": self.now.isoformat(),
        }
        pod["status"] = {
            "phase": "Succeeded" if code == 0 else "Failed",
            "containerStatuses": [{"name": "main", "state": {"terminated": end}}],
        }
        await self.kube.update_status(Kind.POD, pod)
        kind = "Complete" if code == 0 else "Failed"
        live = await self.kube.get(Kind.JOB, NS, job["metadata"]["name"])
        live["status"] = {
            "conditions": [{"type": kind, "status": "True", "reason": why}],
            "startTime": started,
            "completionTime": self.now.isoformat(),
        }
        await self.kube.update_status(Kind.JOB, live)

    # -- looking ----------------------------------------------------------------------------------------------------

    async def run(self, name: str) -> SweepRun:
        return SweepRun.model_validate(await self.kube.get(Kind.SWEEP_RUN, NS, name))

    async def runs(self) -> list[SweepRun]:
        return [SweepRun.model_validate(o) for o in (await self.kube.list(Kind.SWEEP_RUN)).items]

    async def sweep(self) -> Sweep:
        return Sweep.model_validate(await self.kube.get(Kind.SWEEP, NS, "s"))

    async def ended(self) -> str | None:
        """Reason of the terminal state, or None."""
        sweep = await self.sweep()
        for c in sweep.status.conditions:
            if c.type == "Succeeded" and c.status != "Unknown":
                return c.reason
        return None

    async def check(self) -> None:
        """The invariants that hold after every step."""
        sweep, runs = await self.sweep(), await self.runs()
        assert all(n == 1 for n in self.kube.created.values()), f"an index twice: {self.kube.created}"
        live: Counter[tuple[str, str]] = Counter()
        for job in (await self.kube.list(Kind.JOB)).items:
            labels = job["metadata"]["labels"]
            if not (job.get("status") or {}).get("conditions") and not job["metadata"].get("deletionTimestamp"):
                live[labels[RUN_LABEL], labels[STAGE_LABEL]] += 1
        assert all(n == 1 for n in live.values()), f"two live Jobs: {live}"
        limit = sweep.spec.limits.max_parallel_runs
        assert len({run for run, _ in live}) <= limit, f"{live} beyond {limit}"
        for run in runs:
            if run.succeeded:
                wrote = json.loads(self.written[run.name])["metrics"]["reward"]
                assert run.status.score == wrote == score(dict(run.parameters))


async def drive(world: World, engine: Engine, steps: int = 200) -> str:
    """Run the world and one engine until the sweep has ended and nothing changes."""
    for _ in range(steps):
        await engine.audit(NS)
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
        await world.check()
        if await world.ended() and await quiet(world, engine):
            return await world.ended() or ""
        await world.tick()
    raise AssertionError(f"no end after {steps} steps: {[r.status for r in await world.runs()]}")


async def settle_suggestions(engine: Engine) -> None:
    """Let the suggestion and the cleanups in progress finish, and the Events be written."""
    for _ in range(3):
        await asyncio.sleep(0)
    await engine.drain()


async def quiet(world: World, engine: Engine) -> bool:
    """Whether a further pass writes nothing."""
    before = (await world.kube.list(Kind.SWEEP)).resource_version
    await engine.audit(NS)
    await engine.reconcile(KEY)
    return (await world.kube.list(Kind.SWEEP)).resource_version == before
