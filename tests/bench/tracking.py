"""How long passes take while W&B is dead, beside passes of a sweep without W&B: python -m tests.bench.tracking [RUNS]

The engine, the embedded Kube and the outbox with its delivery process are the real ones; containers are played, so
that passes are what is measured. "dead": nobody listens. "hangs": connections are taken and never answered.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.local.tracking import with_own_account
from sweep_operator.tracking.delivery.outbox import Outbox
from sweep_operator.tracking.delivery.process import DeliveryChild
from tests.engine.world import KEY, NS, NoWarmStart, World, settle_suggestions

PARALLEL = 20


@dataclass(frozen=True)
class Measured:
    """One sweep of so many runs."""

    what: str
    runs: int
    seconds: float
    passes: list[float]
    cpu: float
    """Seconds of this process for all passes: the same on a busy machine."""
    undelivered: int

    def row(self) -> str:
        at = statistics.quantiles(self.passes, n=100)
        mean_cpu = self.cpu / len(self.passes)
        figures = (self.seconds, len(self.passes), *(1e3 * x for x in (at[49], at[94], max(self.passes), mean_cpu)))
        return f"{self.what:<12}" + "".join(f"{x:>9.1f}" for x in figures) + f"{self.undelivered:>12}"


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1000)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def dead_server() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def measure(what: str, runs: int, url: str | None) -> Measured:
    """A sweep from its first pass to its end."""
    tracking: dict[str, Any] = {} if url is None else {"wandb": {"entity": "acme", "project": "p"}}
    environ = {**os.environ, "WANDB_API_KEY": "k" * 86}
    config = with_own_account(OperatorConfig(), {} if url is None else {"WANDB_BASE_URL": url})
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        await world.apply(limits={"maxRuns": runs, "maxParallelRuns": PARALLEL}, eval=None, tracking=tracking)
        outbox = Outbox(DeliveryChild(run_seconds=60, environ=environ), config)
        settings = Settings(
            config=config,
            now=lambda: world.now,
            monotonic=lambda: world.now.timestamp(),
            require_image=False,
            tracker=outbox,
        )
        engine = Engine(world.kube, world.suggester, NoWarmStart(), settings)
        delivering = asyncio.create_task(outbox.run())
        passes: list[float] = []
        cpu = 0.0
        began = time.perf_counter()
        try:
            while await world.ended() is None:
                await engine.audit(NS)
                at, cpu_at = time.perf_counter(), time.process_time()
                await engine.reconcile(KEY)
                passes.append(time.perf_counter() - at)
                cpu += time.process_time() - cpu_at
                await settle_suggestions(engine)
                await world.tick()
                await asyncio.sleep(0.005)  # the outbox has its turns, as between the passes of an operator
            seconds = time.perf_counter() - began
            left = sum(not run.delivered for run in await world.runs())
        finally:
            delivering.cancel()
            await outbox.close()
    return Measured(what, runs, seconds, passes, cpu, left)


async def main(runs: int) -> None:
    """Sweeps without W&B before and after the others: their difference is the machine's."""
    logging.disable()
    print(f"{runs} runs, {PARALLEL} at a time; a pass in ms")
    print(f"{'W&B':<12}{'seconds':>9}{'passes':>9}{'p50':>9}{'p95':>9}{'max':>9}{'mean CPU':>9}{'undelivered':>12}")
    with silent_server() as silent:
        for what, url in (("off", None), ("dead", dead_server()), ("hangs", silent), ("off", None)):
            print((await measure(what, runs, url)).row(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
