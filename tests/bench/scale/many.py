"""Many sweeps at once, in virtual time: who waits for whom, and what a day of sweeps that come and go leaves behind."""

from __future__ import annotations

import asyncio
import gc
import statistics

from sweep_operator.kube.protocol import Kind
from tests.bench.scale.passes import resident_kb
from tests.bench.scale.shape import Cluster
from tests.engine.world import NS
from tests.fuzz import clock

HOUR = 3600.0
AUDIT_SECONDS = 300.0
RUN_SECONDS = 600.0
LOOK_HOURS = 4


def report_fairness(sweeps: int, latency: float, seconds: float, connections: int) -> None:
    """Many sweeps of 20 runs, 2 parallel, and one sweep beside another one with 500 parallel runs."""
    firsts, waits = clock.run(_together(sweeps, latency, seconds, connections))
    middle = statistics.median(waits)
    print(f"{sweeps} sweeps x 20 runs of {seconds:g} s x 2 parallel at once, virtual time:\n")
    print("| last first run | median wait between runs | longest median of a sweep |\n|---|---|---|")
    print(f"| {max(firsts):.2f} s | {middle:.3f} s | {max(waits):.3f} s ({max(waits) / middle:.1f} x) |\n")
    print("A sweep of 4 parallel runs beside a tenant with 500 parallel runs: end of a run to the next Job\n")
    print("| tenant | p50 | p99 |\n|---|---|---|")
    for crowd in (0, 500):
        at = statistics.quantiles(clock.run(_beside(crowd, latency, seconds, connections)), n=100)
        print(f"| {crowd or 'none'} | {at[49]:.3f} s | {at[98]:.3f} s |", flush=True)


async def _together(sweeps: int, latency: float, seconds: float, connections: int) -> tuple[list[float], list[float]]:
    """By sweep: seconds from the last apply to its first Job, and its median wait between a run and the next Job."""
    names = [f"s{n}" for n in range(sweeps)]
    async with Cluster(latency, seconds, connections) as cluster:
        for n, name in enumerate(names):
            await cluster.apply(name, 20, 2, f"team-{n % 10}")
        applied = clock.seconds()
        for name in names:
            await cluster.until_started(name, 20)
        firsts = [cluster.pods.started[name][0] - applied for name in names]
        return firsts, [statistics.median(cluster.gaps(name, 2)) for name in names]


async def _beside(crowd: int, latency: float, seconds: float, connections: int) -> list[float]:
    async with Cluster(latency, seconds, connections) as cluster:
        if crowd:
            await cluster.apply("crowd", 10 * crowd, crowd, "crowd")
            await cluster.until_started("crowd", crowd)
        await cluster.apply("s", 40, 4)
        await cluster.until_started("s", 40)
        return cluster.gaps("s", 4)


def report_day(sweeps: int, hours: int) -> None:
    """Memory while sweeps come and go."""
    print(
        f"{sweeps} sweeps x 20 runs of 10 min x 2 parallel in {hours} hours, each deleted an hour after its last run:"
    )
    print("\n| hour | sweeps so far | runs so far | memory MB | Python objects |\n|---|---|---|---|---|")
    clock.run(day(sweeps, hours))


async def day(sweeps: int, hours: int, runs: int = 20) -> list[int]:
    """Let sweeps come and go; return the number of Python objects at each look, when no sweep is left."""
    counts: list[int] = []
    looks = round(hours / LOOK_HOURS)
    async with Cluster(0.005, RUN_SECONDS, 128) as cluster:
        audits = asyncio.create_task(_audit(cluster))
        life = runs / 2 * RUN_SECONDS + HOUR + 2 * AUDIT_SECONDS
        for look in range(looks):
            names = [f"s{n}" for n in range(sweeps * look // looks, sweeps * (look + 1) // looks)]
            pause = (LOOK_HOURS * HOUR - life) / len(names)
            await asyncio.gather(*(_come_and_go(cluster, name, runs, n * pause) for n, name in enumerate(names)))
            await asyncio.sleep((look + 1) * LOOK_HOURS * HOUR - clock.seconds())
            cluster.pods.started.clear()
            cluster.pods.ended.clear()
            gc.collect()
            counts.append(len(gc.get_objects()))
            done = sweeps * (look + 1) // looks
            row = (f"{clock.seconds() / HOUR:.0f}", f"{done:,}", f"{done * runs:,}", f"{resident_kb() / 1e3:.0f}")
            print("| " + " | ".join(row) + f" | {counts[-1]:,} |", flush=True)
        audits.cancel()
    return counts


async def _come_and_go(cluster: Cluster, name: str, runs: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await cluster.apply(name, runs, 2)
    await cluster.until_started(name, runs)
    await asyncio.sleep(HOUR)
    await cluster.server.delete(Kind.SWEEP, NS, name)


async def _audit(cluster: Cluster) -> None:
    while True:
        await asyncio.sleep(AUDIT_SECONDS)
        await cluster.engine.audit()
