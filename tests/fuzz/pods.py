"""The nodes: what the containers of a schedule do, and how their kubelets report it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sweep_operator.api.names import (
    ATTEMPT_LABEL,
    INDEX_ANNOTATION,
    RESULT_FINALIZER,
    RUN_LABEL,
    RUN_UID_LABEL,
    STAGE_LABEL,
    SWEEP_UID_LABEL,
)
from sweep_operator.kube.protocol import EventType, Kind, KubeError, NotFound, Object
from tests.engine.world import NS
from tests.fuzz import clock
from tests.fuzz.known import UNUSED_PROGRAMS

if TYPE_CHECKING:
    from tests.fuzz.schedule import World

DISRUPTION = "DisruptionTarget"
GOOD = "good"
BAD = ("crash", "65", "oom", "nan", "garbage", "empty", "huge", "nested", "unknown", "status-unknown", "unknown-good")
EXITS: dict[str, tuple[int, str]] = {
    "crash": (1, "Error"),
    "65": (65, "Error"),
    "oom": (137, "OOMKilled"),
    "killed": (143, "Error"),
    "unknown": (255, "Unknown"),
    "unknown-good": (255, "Unknown"),
    "status-unknown": (137, "ContainerStatusUnknown"),
}
"""Exit code and reason; everything else completes with 0."""


@dataclass
class PodTruth:
    """What happened to one pod, whatever anybody has been told of it."""

    uid: str
    name: str
    sweep_uid: str
    run: str
    run_uid: str
    job_uid: str
    stage: str
    attempt: int
    rank: int
    created: datetime
    score: float
    program: str = GOOD
    started: datetime | None = None
    finished: datetime | None = None
    message: str = ""
    exit_code: int | None = None
    reported_at: float | None = None
    """When the API server had the end."""
    disrupted: bool = False
    """Before it had finished."""
    deleted: bool = False
    """Its deletion was requested at some time, or announced by a condition."""
    lost: bool = False
    """Its node does not answer."""
    stripped: bool = False
    """An administrator has removed the finalizer, or its Sweep is deleted."""
    gone: bool = False
    hangs: bool = False
    """Until a deadline, or until the faults stop."""
    log: str = ""

    @property
    def good(self) -> bool:
        """It ended well, and nothing disturbed it before."""
        return self.exit_code == 0 and self.program == GOOD and not self.disrupted

    @property
    def runs(self) -> bool:
        """Its container runs on a node that answers."""
        return self.started is not None and self.finished is None and not self.lost and not self.gone


@dataclass
class Programs:
    """How often the containers of a schedule do what."""

    failing: float = 0.0
    disrupted: float = 0.0
    lost: float = 0.0
    slow_start: float = 0.0
    no_start: float = 0.0
    hanging: float = 0.0
    seconds: tuple[float, float] = (3.0, 40.0)


@dataclass
class Nodes:
    """Every kubelet of the cluster."""

    world: World
    pods: dict[str, PodTruth] = field(default_factory=dict)
    _deleted: dict[str, asyncio.Event] = field(default_factory=dict)

    def on_commit(self, type_: EventType, obj: Object, old: Object | None) -> None:
        if obj["kind"] != Kind.POD:
            return
        uid = obj["metadata"]["uid"]
        if old is not None and _held(old) and not _held(obj) and not self.world.server.exists(self.pods[uid].sweep_uid):
            self.pods[uid].stripped = True  # nobody waits for the results of a Sweep that is deleted
        if type_ == "ADDED":
            self.pods[uid] = self._truth(obj)
            self._deleted[uid] = asyncio.Event()
            self.world.spawn(self._live(self.pods[uid]), actor="kubelet")
        elif type_ == "DELETED":
            self.pods[uid].gone = True
            self._deleted[uid].set()
        elif obj["metadata"].get("deletionTimestamp"):
            truth = self.pods[uid]
            truth.deleted = True
            if truth.finished is None or (truth.reported_at is None and clock.whole_now() <= truth.finished):
                truth.disrupted = True  # within the same second nobody can tell which came first
            self._deleted[uid].set()

    def of_run(self, run_uid: str, stage: str | None = None) -> list[PodTruth]:
        """The pods of a run, oldest first."""
        return [p for p in self.pods.values() if p.run_uid == run_uid and stage in (None, p.stage)]

    def read_log(self, pod: Object) -> str | None:
        """The log; that of a container that never ran is empty."""
        truth = self.pods[pod["metadata"]["uid"]]
        return reported(truth) + truth.log if truth.started else None

    # -- one pod ----------------------------------------------------------------------------------------------------

    def _truth(self, pod: Object) -> PodTruth:
        meta = pod["metadata"]
        labels, dice, programs = meta["labels"], self.world.dice["programs"], self.world.plan.programs
        run = self.world.server.peek(Kind.SWEEP_RUN, NS, labels[RUN_LABEL])
        truth = PodTruth(
            uid=meta["uid"],
            name=meta["name"],
            sweep_uid=labels[SWEEP_UID_LABEL],
            run=labels[RUN_LABEL],
            run_uid=labels[RUN_UID_LABEL],
            job_uid=meta["ownerReferences"][0]["uid"],
            stage=labels[STAGE_LABEL],
            attempt=int(labels[ATTEMPT_LABEL]),
            rank=int((meta.get("annotations") or {}).get(INDEX_ANNOTATION, "0")),
            created=clock.now(),
            score=_score(run),
        )
        if dice.random() < programs.failing:
            truth.program = dice.choice([p for p in BAD if p not in UNUSED_PROGRAMS])
        elif dice.random() < programs.hanging:
            truth.program = "hang"
        return truth

    async def _live(self, truth: PodTruth) -> None:
        dice, programs = self.world.dice, self.world.plan.programs
        deleted = self._deleted[truth.uid]
        if not await self._start(truth, deleted):
            return
        seconds = dice["programs"].uniform(*programs.seconds)
        if truth.program == "hang":
            truth.hangs = True
            truth.program, seconds = GOOD, max(seconds, self.world.calm_in())
        disrupted = dice.chance("disruption", programs.disrupted)
        lost = not disrupted and dice.chance("node-loss", programs.lost)
        if disrupted or lost:
            await _first(deleted, dice["disruption"].uniform(0.0, min(seconds, 60.0)))
            if not deleted.is_set():
                self.world.spawn(self._disrupt(truth, lost=lost), actor="node controller")
            truth.lost = truth.lost or lost
            if lost:
                return
            await _first(deleted, seconds)
        else:
            await _first(deleted, seconds)
        if truth.gone or truth.lost:
            return
        if deleted.is_set():
            await self._terminate(truth)
        else:
            self._finish(truth, truth.program)
            if dice.chance("unreachable", 0.05):  # the end is reported late, and the node counts as lost meanwhile
                if dice["unreachable"].random() < 0.5:
                    self.world.spawn(self._disrupt(truth, lost=True), actor="node controller")
                await asyncio.sleep(dice["unreachable"].uniform(5.0, 60.0))
            await self._report(truth)
            if deleted.is_set():
                await self._remove(truth)
            if dice.chance("evict-after-end", 0.1):
                await asyncio.sleep(dice["evict-after-end"].uniform(0.0, 20.0))
                await self._disrupt(truth, lost=False)

    async def _start(self, truth: PodTruth, deleted: asyncio.Event) -> bool:
        """Scheduling and the image pull. False: it never ran."""
        dice, programs = self.world.dice, self.world.plan.programs
        await _first(deleted, dice["start"].choice((0.1, 0.5, 2.0)))
        if dice.chance("no-start", programs.no_start) and not deleted.is_set():
            waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
            await self._write(truth, {"phase": "Pending", "containerStatuses": [{"name": "main", "state": waiting}]})
            await deleted.wait()
        elif dice.chance("slow-start", programs.slow_start) and not deleted.is_set():
            scheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
            await self._write(truth, {"phase": "Pending", "conditions": [scheduled]})
            await _first(deleted, dice["slow-start"].uniform(5.0, 90.0))
        if deleted.is_set():
            await asyncio.sleep(dice["start"].choice((0.0, 0.5, 10.0)))
            await self._write(truth, {"phase": "Failed"})  # by the kubelet, or by the garbage collector of pods
            await self._remove(truth)
            return False
        truth.started = clock.whole_now()
        self.world.judge.container_started(truth)
        running = {"running": {"startedAt": truth.started.isoformat()}}
        await self._write(
            truth,
            {
                "phase": "Running",
                "conditions": [{"type": "PodScheduled", "status": "True"}],
                "containerStatuses": [{"name": "main", "state": running}],
            },
        )
        return True

    async def _terminate(self, truth: PodTruth) -> None:
        """SIGTERM: the program may still end well within its grace period."""
        dice = self.world.dice["programs"]
        await asyncio.sleep(dice.uniform(0.0, 20.0))
        self._finish(truth, dice.choice((GOOD, "killed", "killed")) if truth.program == GOOD else "killed")
        await self._report(truth)
        await self._remove(truth)

    async def _disrupt(self, truth: PodTruth, *, lost: bool) -> None:
        """Eviction, or a node that does not answer any more: the condition, then the deletion."""
        if lost:
            await asyncio.sleep(self.world.dice["node-loss"].uniform(5.0, 60.0))
        with contextlib.suppress(KubeError):
            pod = await self.world.server.get(Kind.POD, NS, truth.name)
            if pod["metadata"]["uid"] != truth.uid:
                return
            status = pod.get("status") or {}
            condition = {
                "type": DISRUPTION,
                "status": "True",
                "reason": "EvictionByEvictionAPI",
                "lastTransitionTime": clock.whole_now().isoformat(),
            }
            status["conditions"] = [*(status.get("conditions") or []), condition]
            if truth.finished is None:
                truth.disrupted = True
            truth.deleted = True
            await self.world.server.update_status(Kind.POD, {**pod, "status": status})
            await asyncio.sleep(self.world.dice["disruption"].choice((0.0, 0.1, 3.0)))
            await self.world.server.delete(Kind.POD, NS, truth.name, uid=truth.uid)

    def _finish(self, truth: PodTruth, program: str) -> None:
        truth.program = program
        truth.finished = max(clock.whole_now(), truth.started or clock.now())
        truth.exit_code, _ = EXITS.get(program, (0, "Completed"))
        truth.message, truth.log = _message(program, truth.score), _log(program, truth.score)

    async def _report(self, truth: PodTruth) -> None:
        assert truth.started is not None
        assert truth.finished is not None
        dice = self.world.dice["report"]
        await asyncio.sleep(dice.choice((0.0, 0.05, 1.0)))
        code, why = EXITS.get(truth.program, (0, "Completed"))
        end = {
            "exitCode": code,
            "reason": why,
            "message": truth.message,
            "startedAt": truth.started.isoformat(),
            "finishedAt": truth.finished.isoformat(),
        }
        containers = [{"name": "main", "state": {"terminated": end}}]
        if dice.random() < 0.3:  # a kubelet sets the phase seconds after the container's end
            await self._write(truth, {"phase": "Running", "containerStatuses": containers})
            truth.reported_at = truth.reported_at or clock.seconds()
            await asyncio.sleep(dice.choice((0.5, 3.0)))
        phase = "Succeeded" if code == 0 else "Failed"
        if await self._write(truth, {"phase": phase, "containerStatuses": containers}):
            truth.reported_at = truth.reported_at or clock.seconds()

    async def _write(self, truth: PodTruth, status: Object) -> bool:
        try:
            pod = await self.world.server.get(Kind.POD, NS, truth.name)
            if pod["metadata"]["uid"] != truth.uid:
                return False
            kept = [c for c in (pod.get("status") or {}).get("conditions") or [] if c["type"] == DISRUPTION]
            new = {**status, "conditions": [*(status.get("conditions") or []), *kept]}
            await self.world.server.update_status(Kind.POD, {**pod, "status": new})
        except NotFound:
            return False
        return True

    async def _remove(self, truth: PodTruth) -> None:
        """The kubelet lets go of a pod whose containers have ended."""
        await asyncio.sleep(self.world.dice["report"].choice((0.0, 0.2, 2.0)))
        with contextlib.suppress(KubeError):
            await self.world.server.delete(Kind.POD, NS, truth.name, uid=truth.uid, grace_seconds=0)

    async def strip(self, truth: PodTruth) -> None:
        """An administrator deletes a pod by force, finalizers and all."""
        truth.stripped = True
        if truth.finished is None:
            truth.disrupted = True
        with contextlib.suppress(KubeError):
            pod = await self.world.server.get(Kind.POD, NS, truth.name)
            kept = [f for f in pod["metadata"].get("finalizers") or [] if f != RESULT_FINALIZER]
            await self.world.server.patch(
                Kind.POD, NS, truth.name, {"metadata": {"uid": truth.uid, "finalizers": kept or None}}
            )
            await self.world.server.delete(Kind.POD, NS, truth.name, uid=truth.uid, grace_seconds=0)


def reported(truth: PodTruth) -> str:
    """A report every five seconds, as long as the container runs; nothing if it hangs."""
    if truth.hangs or truth.started is None:
        return ""
    seconds = ((truth.finished or clock.whole_now()) - truth.started).total_seconds()
    return "".join(f'SWEEP_REPORT {{"step": {n}, "reward": {truth.score}}}\n' for n in range(int(seconds // 5)))


def _held(pod: Object) -> bool:
    return RESULT_FINALIZER in (pod["metadata"].get("finalizers") or [])


def _score(run: Object | None) -> float:
    x: Any = ((run or {}).get("spec") or {}).get("parameters", {}).get("x", 0.5)
    return float(x) * 10


def _message(program: str, score: float) -> str:
    result = json.dumps({"metrics": {"reward": score, "steps": 3}})
    return {
        GOOD: result,
        "unknown-good": result,
        "nan": '{"metrics": {"reward": NaN}}',
        "garbage": '{"metrics": {"rew',
        "huge": ('{"metrics": {"reward": 1, "text": "' + "x" * 5000)[:4096],
        "nested": "[" * 4090,
    }.get(program, "")


def _log(program: str, score: float) -> str:
    return {GOOD: f"step 1\nreward={score!r}\n", "nan": "reward=nan\n"}.get(program, "Traceback\n")


async def _first(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but not longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def duration(truth: PodTruth) -> timedelta:
    """How long main ran."""
    assert truth.started is not None
    return (truth.finished or clock.now()) - truth.started
