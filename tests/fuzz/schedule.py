"""One schedule: a Sweep under faults until they stop, then to its end, a restart at rest, and its deletion."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from sweep_operator.kube.protocol import EventType, Kind, KubeError, Object
from tests.engine.world import NS
from tests.fuzz import clock
from tests.fuzz.dice import Dice
from tests.fuzz.jobs import Jobs, Kueue
from tests.fuzz.judge import Judge
from tests.fuzz.known import Violation
from tests.fuzz.plan import draw
from tests.fuzz.pods import Nodes
from tests.fuzz.process import RESYNC_SECONDS, Process
from tests.fuzz.server import ACTOR, Server
from tests.fuzz.users import Users
from tests.fuzz.whole import compared

REST = 2 * RESYNC_SECONDS + 60.0
"""Seconds without a write that count as rest."""
BOUND = 4_000.0
"""Seconds from the end of the faults to the beginning of that rest."""


@dataclass
class Report:
    """What a schedule has shown."""

    seed: int
    violations: list[Violation]
    crashes: Counter[str]
    passes: int
    seconds: float
    """Of virtual time."""
    trace: list[str] = field(default_factory=list)


class World:
    """One schedule's cluster, operators and users."""

    def __init__(self, dice: Dice, *, tracing: bool) -> None:
        self.dice, self.plan = dice, draw(dice)
        self.trace: list[str] = []
        self._tracing = tracing
        self._tasks: set[asyncio.Task[Any]] = set()
        self.passes = 0
        self.crashes: Counter[str] = Counter()
        self.over = asyncio.Event()
        """A violation was found."""
        self.server = Server(dice)
        self.judge = Judge(self)
        self.nodes = Nodes(self)
        self.jobs = Jobs(self)
        self.kueue = Kueue(self)
        self.users = Users(self)
        self.server.log = self.nodes.read_log
        others = (self.judge, self.nodes, self.jobs, self.kueue)
        self.server.listeners += [self._note_commit, *(other.on_commit for other in others)]
        self.processes: list[Process] = []

    def spawn(self, work: Coroutine[Any, Any, Any], actor: str | None = None) -> asyncio.Task[Any]:
        """Run in the background; what it raises is a failure of the harness or of the operator."""
        context = contextvars.copy_context()
        if actor is not None:
            context.run(ACTOR.set, actor)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.judge.violation("exception", f"{task.exception()!r}")

    def calm_in(self) -> float:
        """Seconds until the faults stop."""
        return max(0.0, self.plan.chaos_seconds - clock.seconds())

    def restart(self, dead: Process) -> None:
        """A supervisor starts a successor."""
        self.processes.remove(dead)
        delay = self.dice["restart"].choice((0.1, 1.0, 10.0))
        asyncio.get_running_loop().call_later(delay, self._start, dead.name)

    def _start(self, name: str) -> None:
        number = name.partition(".")[2] or "0"
        self.processes.append(Process(self, f"{name.partition('.')[0]}.{int(number) + 1}"))

    # -- the schedule -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Chaos, calm, rest, restart, deletion. Ends at the first violation."""
        try:
            async with asyncio.timeout(100_000):
                await self._until_over(self._acts())
        finally:
            for task in list(self._tasks):
                task.cancel()
            for process in self.processes:
                process.engine.close()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until_over(self, acts: Coroutine[Any, Any, None]) -> None:
        work, over = asyncio.ensure_future(acts), asyncio.ensure_future(self.over.wait())
        await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if not work.done():
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def _acts(self) -> None:
        for name in self.plan.sweeps:
            await self.users.create_sweep(name)
        for number in range(2 if self.plan.rivals else 1):
            self.processes.append(Process(self, f"p{number}"))
        self.spawn(self.users.work(), actor="user")
        if self.plan.rivals:
            self.spawn(self._stop_leaders(), actor="fate")
        await asyncio.sleep(self.plan.chaos_seconds)
        self.note("the faults stop")
        self.dice.calm = True
        for process in self.processes:
            process.resume()
        await self.users.put_in_order()
        await self._rest()
        self.judge.at_rest()
        await self._restart_at_rest()
        self.note("the Sweeps are deleted")
        for kind in (Kind.SWEEP, Kind.SWEEP_RUN):  # runs that never found a Sweep have no owner
            for obj in self.server.peek_all(kind):
                with contextlib.suppress(KubeError):
                    await self.server.delete(kind, NS, obj["metadata"]["name"])
        await asyncio.sleep(RESYNC_SECONDS + 200.0)
        self.judge.after_deletion()

    async def _rest(self) -> None:
        end = clock.seconds() + BOUND
        while clock.seconds() - self.judge.last_write < REST:
            if clock.seconds() > end + REST:
                self.judge.violation("no-rest", f"still writes {self.judge.last_writes}; {self.judge.states()}")
                await asyncio.Event().wait()
            await asyncio.sleep(20)

    async def _restart_at_rest(self) -> None:
        """A process that knows nothing finds nothing to write."""
        before = self.judge.last_write
        self.note("a restart at rest")
        for process in list(self.processes):
            process.crash("at rest")
        await asyncio.sleep(RESYNC_SECONDS + 100.0)
        if self.judge.last_write != before:
            self.judge.violation("writes-at-rest", f"after a restart: {self.judge.last_writes}")

    async def _stop_leaders(self) -> None:
        """SIGSTOP, past the lease, while the other process takes over."""
        rng = self.dice["stops"]
        while not self.dice.calm:
            await asyncio.sleep(rng.uniform(2.0, 60.0))
            running = [p for p in self.processes if not p.paused and not p.dead]
            if running and not self.dice.calm and "stops" not in self.dice.without:
                rng.choice(running).stop_for(rng.choice((1.0, 25.0, 35.0, 90.0)))

    # -- the trace --------------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A line of the trace."""
        if self._tracing:
            self.trace.append(f"{clock.seconds():9.3f} {text}")

    def _note_commit(self, type_: EventType, obj: Object, old: Object | None) -> None:
        if not self._tracing or obj["kind"] == Kind.LEASE:
            return
        meta, before = obj["metadata"], old or {}
        changes = {k: obj.get(k) for k in ("spec", "status") if type_ == "MODIFIED" and obj.get(k) != before.get(k)}
        if type_ == "MODIFIED" and not changes:
            changes = {k: meta.get(k) for k in ("finalizers", "deletionTimestamp", "ownerReferences") if meta.get(k)}
        if obj["kind"] == Kind.EVENT:
            changes = {"event": f"{obj.get('reason')}: {obj.get('message')}"}
        name, version = meta["name"], meta["resourceVersion"]
        self.note(f"{ACTOR.get()}: {type_} {obj['kind']} {name} v{version} {changes or ''}")


class _Failures(logging.Handler):
    """Exceptions that the engine caught and logged."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.DEBUG)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.note(f"log: {record.getMessage()}")
        if record.exc_info and record.exc_info[1] is not None:
            self._world.judge.violation("exception", f"{record.getMessage()}: {record.exc_info[1]!r}")


async def _run(dice: Dice, tracing: bool) -> Report:
    world = World(dice, tracing=tracing)
    logger, handler = logging.getLogger("sweep_operator"), _Failures(world)
    logger.addHandler(handler)
    try:
        with compared(lambda difference: world.judge.violation("partial", difference)):
            await world.run()
    finally:
        logger.removeHandler(handler)
    judge = world.judge
    return Report(-1, judge.violations, world.crashes, world.passes, clock.seconds(), world.trace)


def run_schedule(seed: int, *, without: Iterable[str] = (), tracing: bool = False) -> Report:
    """Run the schedule of one seed. ``without``: kinds of faults that do not happen."""
    dice = Dice(seed, without)
    uids = dice["uids"]
    random.seed(f"{seed}/jitter")  # the queue's
    logger = logging.getLogger("sweep_operator")
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG if tracing else logging.ERROR)
    logger.propagate = False
    try:
        with mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=uids.getrandbits(128), version=4)):
            report = clock.run(_run(dice, tracing))
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
    report.seed = seed
    return report
