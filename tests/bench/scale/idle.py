"""What finished sweeps cost that nothing happens to: CPU between audits, and CPU of an audit."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.protocol import Kind, Labels, Object, ObjectList
from tests.bench.scale.objects import finished_sweep, renamed
from tests.bench.scale.passes import Still, resident_kb
from tests.engine.world import NS, NoWarmStart, Sequence

RUNS = 10


class Listing(Still):
    """Answers LISTs with text that is parsed each time, like an API server's."""

    def __init__(self, objects: Mapping[Kind, list[Object]]) -> None:
        super().__init__()
        self._texts = {kind: json.dumps(found) for kind, found in objects.items()}

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        return ObjectList(tuple(json.loads(self._texts.get(kind, "[]"))), self.version)

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        return next(o for o in json.loads(self._texts[kind]) if o["metadata"]["name"] == name)

    async def serves(self, group: str) -> bool:
        return False


def report(sweeps: int) -> None:
    """One table."""
    print(
        f"{sweeps:,} finished sweeps of {RUNS} runs, nothing happens (CPU s; audits with the parsing of their LISTs):\n"
    )
    print("| sweeps | first audit and passes | later audit and passes | 10 s between audits | memory MB |")
    print("|" + "---|" * 5)
    of = finished_sweep(RUNS)
    for count in (1, sweeps):
        row = asyncio.run(measure(of, count))
        print(f"| {count:,} | {row['first']:.2f} | {row['audit']:.2f} | {row['quiet']:.3f} | {row['mb']:.0f} |")


async def measure(of: Mapping[Kind, list[Object]], sweeps: int) -> dict[str, float]:
    """CPU seconds: of the first audit and its passes, of a later one, and of ten seconds between audits."""
    names = [f"s{n}" for n in range(sweeps)]
    objects = {kind: [renamed(obj, name) for name in names for obj in found] for kind, found in of.items()}
    kube, now = Listing(objects), datetime(2026, 1, 2, tzinfo=UTC)
    settings = Settings(config=OperatorConfig(), now=lambda: now, monotonic=time.monotonic, require_image=False)
    engine = Engine(kube, Sequence(), NoWarmStart(), settings)  # type: ignore[arg-type]
    for obj in objects.pop(Kind.REVISION):
        engine.apply(Kind.REVISION, obj)
    before, passes = resident_kb(), asyncio.create_task(engine.run())
    first = await _settled(engine, NS)
    later = await _settled(engine, NS)
    begin = time.process_time()
    await asyncio.sleep(10)
    quiet = time.process_time() - begin
    passes.cancel()
    assert not kube.writes, "a finished sweep was written"
    return {"first": first, "audit": later, "quiet": quiet, "mb": (resident_kb() - before) / 1e3}


async def _settled(engine: Engine, namespace: str) -> float:
    begin = time.process_time()
    await engine.audit(namespace)
    while not engine.queue.idle:
        await asyncio.sleep(0.01)
    return time.process_time() - begin
