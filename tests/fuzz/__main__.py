"""Run schedules: ``python -m tests.fuzz --seconds 600``, or one again: ``python -m tests.fuzz --seed 7 --trace``."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import count

import click

from tests.fuzz.known import known
from tests.fuzz.schedule import Report, run_schedule

_HASH_SEED = "PYTHONHASHSEED"


def replay(seed: int) -> str:
    """The command that runs one schedule again."""
    return f"python -m tests.fuzz --seed {seed} --trace"


@click.command()
@click.option("--seconds", type=float, default=60.0, help="Start no schedule after this many seconds.")
@click.option("--first", type=int, default=0, help="First seed.")
@click.option("--schedules", type=int, default=None, help="At most this many schedules.")
@click.option("--processes", type=int, default=os.cpu_count(), help="Schedules at the same time.")
@click.option("--seed", type=int, default=None, help="Run this seed only.")
@click.option("--without", multiple=True, help="Kinds of faults that do not happen, to narrow a failure.")
@click.option("--show-known", is_flag=True, help="Print violations that are known as well.")
@click.option("--trace", is_flag=True, help="Print every commit, fault and log line of the schedule of --seed.")
def main(
    seconds: float,
    first: int,
    schedules: int | None,
    processes: int,
    seed: int | None,
    without: tuple[str, ...],
    show_known: bool,
    trace: bool,
) -> None:
    """Run random schedules of faults and user actions over the engine, in virtual time."""
    if os.environ.get(_HASH_SEED) != "0":  # the order of a set must not depend on the process
        os.execve(sys.executable, [sys.executable, "-m", "tests.fuzz", *sys.argv[1:]], {**os.environ, _HASH_SEED: "0"})
    if seed is not None:
        report = run_schedule(seed, without=without, tracing=trace)
        print("\n".join(report.trace))
        _print(report)
        sys.exit(1 if report.violations else 0)
    sys.exit(1 if _many(seconds, first, schedules, processes, without, show_known) else 0)


def _many(
    seconds: float, first: int, schedules: int | None, processes: int, without: tuple[str, ...], show_known: bool
) -> int:
    began, ran, failed = time.monotonic(), 0, 0
    codes: Counter[str] = Counter()
    crashes: Counter[str] = Counter()
    with ProcessPoolExecutor(max(1, processes)) as pool:
        seeds = iter(range(first, first + schedules) if schedules is not None else count(first))
        running = {pool.submit(_attempt, s, without) for s in _take(seeds, 2 * processes)}
        while running:
            done = next(iter(running)) if not any(f.done() for f in running) else next(f for f in running if f.done())
            running.discard(done)
            report = done.result()
            ran += 1
            crashes += report.crashes
            new = [v for v in report.violations if known(v) is None]
            failed += bool(new)
            codes.update({f"{v.code} (known)" if known(v) else v.code for v in report.violations})
            if new or (show_known and report.violations):
                _print(report)
            if time.monotonic() - began < seconds:
                running |= {pool.submit(_attempt, s, without) for s in _take(seeds, 1)}
    took = time.monotonic() - began
    print(f"{ran} schedules in {took:.0f} s, {ran / took:.2f} schedules/s; {failed} with new violations {dict(codes)}")
    print(f"{sum(crashes.values())} crashes: " + ", ".join(f"{n} {where}" for where, n in sorted(crashes.items())))
    return failed


def _attempt(seed: int, without: tuple[str, ...]) -> Report:
    try:
        return run_schedule(seed, without=without)
    except Exception:
        raise RuntimeError(f"{replay(seed)}\n{traceback.format_exc()}") from None


def _take(seeds: Iterable[int], n: int) -> list[int]:
    return [seed for _, seed in zip(range(n), seeds, strict=False)]


def _print(report: Report) -> None:
    for violation in report.violations:
        why = known(violation)
        print(f"seed {report.seed}: {violation}" + (f" (known: {why})" if why else ""))
    print(f"    {replay(report.seed)}", flush=True)


if __name__ == "__main__":
    main()
