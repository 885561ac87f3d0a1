"""A sweep of a no-op command on one machine, 16 runs in parallel: `python -m tests.bench.local [--runs 5000]`.

One row per 500 runs: runs/s, CPU seconds per run of `sweep run` alone, its resident memory, the size of the state, and
the wall time of `sweep status` meanwhile (median of five). Then `sweep run` is killed (SIGKILL), and the time, CPU
seconds and memory of the next `sweep run` are measured until its first new run: one that did not exist before, so that
all others have been read. With `--runs-dir`, the sweep of an earlier call goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from sweep_operator.kube.protocol import Kind
from sweep_operator.kube.state_file import read_objects
from tests.bench.status import PARAMETERS
from tests.builders import sweep_body

PARALLEL = 16
WINDOW, LOOKS = 500, 5
PROGRAM = """printf '{"metrics": {"reward": %s}}' "$SWEEP_RUN_INDEX" > "$SWEEP_RESULTS_FILE" """
SWEEP = (sys.executable, "-m", "sweep_operator.cli.main")


@contextmanager
def running(runs_dir: Path) -> Iterator[psutil.Popen]:
    """`sweep run`, killed at the end of the block."""
    limits = {"maxRuns": 1_000_000, "maxParallelRuns": PARALLEL}
    train = {"command": ["sh", "-c", PROGRAM]}
    body = sweep_body("live", parameters=PARAMETERS, method="random", limits=limits, train=train)
    manifest = runs_dir / "live.json"
    manifest.write_text(json.dumps(body))
    command = [*SWEEP, "run", str(manifest), "--runs-dir", str(runs_dir)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def started(runs_dir: Path) -> int:
    """Number of runs that have a directory."""
    folder = runs_dir / "live" / "runs"
    return len(os.listdir(folder)) if folder.exists() else 0


def until(runs_dir: Path, runs: int) -> float:
    """Wait for so many runs; return the time."""
    while started(runs_dir) < runs:
        time.sleep(0.05)  # looking at thousands of directories takes the sweep's CPU time
    return time.monotonic()


def next_run(runs_dir: Path) -> Path:
    """Directory of the next run.

    The kill may have left runs without a directory, which start earlier than it, and reserved indices that no
    run will have.
    """
    [sweep] = read_objects(runs_dir / "live" / "state.db", (Kind.SWEEP,))
    return runs_dir / "live" / "runs" / f"live.r.{sweep['status']['nextIndex']}"


def status_seconds(runs_dir: Path) -> float:
    """Wall time of `sweep status`, the median of LOOKS."""
    looks = []
    for _ in range(LOOKS):
        began = time.monotonic()
        subprocess.run([*SWEEP, "status", "live", "--runs-dir", str(runs_dir)], check=True, stdout=subprocess.DEVNULL)
        looks.append(time.monotonic() - began)
    return statistics.median(looks)


def grow(runs_dir: Path, runs: int) -> None:
    """Run until there are so many runs, and print a row for each window."""
    print("| runs | runs/s | CPU s per run | memory MB | state kB per run | `sweep status` s |\n|" + "---|" * 6)
    state, done = runs_dir / "live" / "state.db", started(runs_dir)
    with running(runs_dir) as process:
        began, cpu = until(runs_dir, done + 1), sum(process.cpu_times()[:2])
        while done < runs:
            next_ = min(runs, done - done % WINDOW + WINDOW)
            ended = until(runs_dir, next_)
            spent, memory = sum(process.cpu_times()[:2]), process.memory_info().rss
            looked = status_seconds(runs_dir)
            row = (f"{(next_ - done) / (ended - began):.1f}", f"{(spent - cpu) / (next_ - done):.4f}")
            row += (f"{memory / 1e6:.0f}", f"{state.stat().st_size / next_ / 1e3:.1f}", f"{looked:.2f}")
            print(f"| {next_:,} | " + " | ".join(row) + " |", flush=True)
            done = started(runs_dir)
            began, cpu = time.monotonic(), sum(process.cpu_times()[:2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--runs-dir", type=Path)
    options = parser.parse_args()
    # compiling the sources again at each start takes a second; no installation does that
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = options.runs_dir or Path(folder)
        runs_dir.mkdir(parents=True, exist_ok=True)
        grow(runs_dir, options.runs)
        there, new = started(runs_dir), next_run(runs_dir)
        began = time.monotonic()
        with running(runs_dir) as process:
            while not new.exists():
                time.sleep(0.02)
            took, cpu = time.monotonic() - began, sum(process.cpu_times()[:2])
            memory = process.memory_info().rss
        row = f"{took:.1f} s, {cpu:.1f} CPU s and {memory / 1e6:.0f} MB until the next run"
        print(f"\nafter SIGKILL at {there:,} runs: {row}")


if __name__ == "__main__":
    main()
