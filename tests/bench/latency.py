"""CPU seconds and memory of one suggestion: `python -m tests.bench.latency [--peers ours,optuna-gp] [--dims 20]`.

Every figure is measured in a fresh process, on the first suggestion after telling n observations (no cache is warm).
Memory is the peak resident size on top of a process that imported torch, gpytorch and scipy.optimize. On a busy
machine the wall time is an upper bound; CPU seconds are what to compare. A suggestion that does not end within the
cut-off is shown as such, and the optimizer is not asked for larger n. The parameters are of all five distributions.

A second table has batches of our own optimizer: many suggestions after the same observations, with runs pending.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import math
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.optimizer.space import Dim, Space

KINDS: dict[str, tuple[float, float]] = {
    "uniform": (0.0, 1.0),
    "log_normal": (1e-5, 1e-1),
    "logit_normal": (0.8, 0.9999),
    "int_uniform": (1, 33),
    "uniform_pow2": (8, 4096),
}
TARGETS = {100: 0.35, 1000: 1.3, 10_000: 2.3}
"""CPU seconds of ours at d = 20, by the number of observations."""
PACKAGES = ("torch", "gpytorch", "scipy", "optuna")
TARGET_MB = 250
"""Memory of ours at n = 10,000."""
STARTING = 60.0
"""Seconds beyond the cut-off for imports and for telling the observations."""


def peak_mb() -> float:
    """Peak resident memory of this process in MB (Linux counts kB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def space_of_dim(dim: int) -> Space:
    """`dim` parameters of the five distributions in turn, the search center a little below the middle."""
    dims = []
    for i in range(dim):
        kind = list(KINDS)[i % len(KINDS)]
        low, high = KINDS[kind]
        dims.append(Dim(f"p{i}", kind, low, high, float(Dim("center", kind, low, high, low).from_unit(0.4))))
    return Space(dims)


def measure(peer: str, n: int, dim: int, points: int = 1, pending: int = 0) -> dict[str, float]:
    """n observations of `dim` parameters, then one call of suggest, in this process.

    points: number of suggestions. pending: number of runs without a result (ours only).
    """
    import gpytorch  # noqa: F401  the baseline of the memory figure is a process that has these loaded
    import scipy.optimize  # noqa: F401  its import takes longer than the suggestion
    import torch  # noqa: F401

    from tests.bench.optimizer.peers import PEERS

    baseline = peak_mb()
    space = space_of_dim(dim)
    optimizer = PEERS[peer](space.spec(), seed=0, max_cost=1e6)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=dim)
    tick = time.perf_counter()
    for u in rng.random((n, dim)):
        score = float(-np.sum((u - 0.6) ** 2) + 0.1 * np.sin(6 * u @ weights) + 0.01 * rng.normal())
        cost = float(math.exp(3 * u[0] + 0.05 * rng.normal()))
        optimizer.observe(space.from_unit(u), score, cost, False)
    told = time.perf_counter() - tick
    if pending:
        optimizer.opt.pending = [space.from_unit(u) for u in rng.random((pending, dim))]
    tick, cpu = time.perf_counter(), time.process_time()
    optimizer.suggest(points)
    return {
        "wall_s": time.perf_counter() - tick,
        "cpu_s": time.process_time() - cpu,
        "observe_s": told,
        "memory_mb": peak_mb() - baseline,
    }


def measure_apart(
    peer: str, n: int, dim: int, cutoff: float, *, points: int = 1, pending: int = 0
) -> dict[str, float] | str:
    """`measure` in a fresh process with one thread; why there is no figure, where there is none."""
    command = [sys.executable, "-m", "tests.bench.latency", "--one", "--peers", peer, "--n", str(n), "--dims", str(dim)]
    command += ["--points", str(points), "--pending", str(pending)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=cutoff + STARTING)
    except subprocess.TimeoutExpired:
        return f"> {cutoff:.0f}"
    if done.returncode:
        return reason(done.returncode, done.stderr)
    row: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return row if row["cpu_s"] <= cutoff else f"> {cutoff:.0f}"


def reason(returncode: int, stderr: str) -> str:
    """Why a measurement has no figure. What else it has printed, such as warnings, does not matter."""
    if returncode < 0:
        return f"ended by {signal.Signals(-returncode).name}"
    errors = re.findall(r"^[\w.]+(?:Error|Exception)\b.*", stderr, re.MULTILINE)
    return errors[-1][:60].replace("|", "/") if errors else f"exit code {returncode}"


def cells(peer: str, n: int, dim: int, row: dict[str, float] | str) -> list[str]:
    """The columns of one optimizer."""
    if isinstance(row, str):
        return [row, "-", "-", "-"]
    memory, cpu = f"{row['memory_mb']:.0f}", f"{row['cpu_s']:.2f}"
    if peer == "ours" and dim == 20 and n in TARGETS:
        cpu += f" (target {TARGETS[n]:g})"
        memory += f" (target {TARGET_MB})" if n == max(TARGETS) else ""
    return [cpu, f"{row['wall_s']:.2f}", memory, f"{row['observe_s']:.2f}"]


def table(peers: list[str], sizes: list[int], dim: int, cutoff: float) -> list[str]:
    """One row for each n; printed as it comes, since the slow ones take minutes."""
    columns = [f"{p}: {what}" for p in peers for what in ("CPU s", "wall s", "MB", "telling them, s")]
    lines = ["", f"{dim} parameters", "", "| observations | " + " | ".join(columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    print("\n".join(lines), flush=True)
    cut: set[str] = set()
    for n in sizes:
        out = [f"{n:,}"]
        for peer in peers:
            row = "-" if peer in cut else measure_apart(peer, n, dim, cutoff)
            if isinstance(row, str):
                cut.add(peer)
            out += cells(peer, n, dim, row)
        lines.append("| " + " | ".join(out) + " |")
        print(lines[-1], flush=True)
    return lines


def batches(sizes: list[int], dim: int, cutoff: float) -> list[str]:
    """One row for each size of a batch."""
    lines = ["", f"Batches of ours, {dim} parameters, 1,000 observations, 200 pending", ""]
    lines += ["| suggestions | CPU s | wall s | MB |", "|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for points in sizes:
        row = measure_apart("ours", 1000, dim, cutoff, points=points, pending=200)
        out = [row, "-", "-"] if isinstance(row, str) else cells("ours", 1000, 0, row)[:3]
        lines.append(f"| {points} | " + " | ".join(out) + " |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Print a table for each number of parameters, and write them to a file where one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="ours,optuna-gp")
    parser.add_argument("--dims", default="20")
    parser.add_argument("--n", default="100,300,1000,3000,10000")
    parser.add_argument("--cutoff", type=float, default=120.0, help="seconds that one suggestion may take")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--points", default="50,200", help="sizes of batches; empty: none")
    parser.add_argument("--one", action="store_true", help="measure in this process and print JSON")
    parser.add_argument("--pending", type=int, default=0, help="with --one: number of pending runs")
    a = parser.parse_args()
    peers, dims = a.peers.split(","), [int(d) for d in a.dims.split(",")]
    sizes = [int(n) for n in a.n.split(",") if n]
    if a.one:
        print(json.dumps(measure(peers[0], sizes[0], dims[0], int(a.points), a.pending)))
        return
    lines: list[Any] = ["# One suggestion: time and memory", ""]
    lines += [
        f"Written by `python -m tests.bench.latency --peers {a.peers} --dims {a.dims} --n {a.n} --points {a.points}`.",
        "A fresh process for each figure, one thread, nothing cached; memory is the peak on top of `import torch,",
        "gpytorch, scipy.optimize`.",
    ]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    today = datetime.datetime.now(datetime.UTC).date()
    lines += [f"{today}, Python {platform.python_version()}, {', '.join(versions)}, {os.cpu_count()} CPUs."]
    for dim in dims:
        lines += table(peers, sizes, dim, a.cutoff) if a.n else []
    lines += batches([int(n) for n in a.points.split(",")], dims[0], a.cutoff) if a.points else []
    if a.out:
        a.out.parent.mkdir(parents=True, exist_ok=True)
        a.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
