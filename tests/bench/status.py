"""What it costs to look at a sweep with 10,000 imported runs: CPU and wall seconds of whole commands, piped.

    python -m tests.bench.status [--runs 10000] [--repeat 5] [--live 500]

``--live``: also of a sweep that runs meanwhile, a no-op command 16 times in parallel, and the size of its state.

The smallest of the repetitions is shown. With `--runs-dir`, the sweep of an earlier call is read again.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from tests.builders import sweep_body

PARAMETERS = {
    "trainer.optimizer.learning_rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2},
    "trainer.batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
    "trainer.gamma": {"distribution": "uniform", "min": 0, "max": 1},
    "trainer.optimizer.name": {"distribution": "categorical", "values": ["adamw", "sgd"]},
}
COMMANDS = ("list", "status bench", "status bench --limit 20", "status bench --sort score", "status bench -o wide")


def fill(runs_dir: Path, runs: int) -> None:
    """Create the sweep `bench` with so many runs, one of twenty failed."""
    rng = random.Random(0)
    file, manifest = runs_dir / "runs.csv", runs_dir / "bench.json"
    manifest.write_text(json.dumps(sweep_body("bench", parameters=PARAMETERS)))
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["run", "status", "score", "cost", *PARAMETERS])
        for n in range(runs):
            score = rng.gauss(0, 1) if n % 20 else ""
            values = [10 ** rng.uniform(-5, -2), 2 ** rng.randint(4, 10), rng.random(), rng.choice(["adamw", "sgd"])]
            writer.writerow([f"old.r.{n}", "failed" if score == "" else "succeeded", score, rng.random(), *values])
    sweep(f"init {manifest}", runs_dir)
    sweep(f"import {file} bench", runs_dir)


def live(runs_dir: Path, runs: int, repeat: int) -> None:
    """Measure `sweep status` while `sweep run` writes, after half of the runs; then the size of the state."""
    program = """printf '{"metrics": {"reward": %s}}' "$SWEEP_RUN_INDEX" > "$SWEEP_RESULTS_FILE" """
    limits = {"maxRuns": runs, "maxParallelRuns": 16}
    train = {"command": ["sh", "-c", program]}
    manifest, state = runs_dir / "live.json", runs_dir / "live" / "state.db"
    manifest.write_text(
        json.dumps(sweep_body("live", parameters=PARAMETERS, method="random", limits=limits, train=train))
    )
    command = [sys.executable, "-m", "sweep_operator.cli.main", "run", str(manifest), "--runs-dir", str(runs_dir)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        while not (runs_dir / f"live/runs/live.r.{runs // 2}").exists():
            time.sleep(0.1)
        measured = [sweep("status live", runs_dir) for _ in range(repeat)]
        still = "" if running.poll() is None else "; it had already ended"
    cpu, wall = (min(values) for values in zip(*measured, strict=True))
    print(f"| `sweep status live` while it runs{still} | {cpu:.2f} | {wall:.2f} |")
    print(f"\n{runs} finished runs, {state.stat().st_size / runs / 1000:.1f} kB each")


def sweep(command: str, runs_dir: Path) -> tuple[float, float]:
    """CPU and wall seconds."""
    began, before = time.monotonic(), getrusage(RUSAGE_CHILDREN)
    arguments = [sys.executable, "-m", "sweep_operator.cli.main", *command.split(), "--runs-dir", str(runs_dir)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    after = getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("--runs-dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = options.runs_dir or Path(folder)
        if not (runs_dir / "bench").exists():
            runs_dir.mkdir(parents=True, exist_ok=True)
            fill(runs_dir, options.runs)
        size = (runs_dir / "bench" / "state.db").stat().st_size
        print(f"{options.runs} imported runs, {size / options.runs / 1000:.1f} kB each\n")
        print("| command | CPU s | wall s |\n|---|---|---|")
        for command in COMMANDS:
            measured = [sweep(command, runs_dir) for _ in range(options.repeat)]
            cpu, wall = (min(values) for values in zip(*measured, strict=True))
            print(f"| `sweep {command}` | {cpu:.2f} | {wall:.2f} |", flush=True)
        if options.live:
            live(runs_dir, options.live, options.repeat)


if __name__ == "__main__":
    main()
