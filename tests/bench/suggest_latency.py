"""Seconds and memory of one suggestion: `python -m tests.bench.suggest_latency [--dims 10] [--n 100,1000,10000]`.

Every row is measured in a fresh process, on the first suggestion after telling n observations (no cache is warm).
Memory is the peak resident size on top of a process that imported torch and gpytorch. On a busy machine the wall time
is an upper bound; CPU seconds are what to compare.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time

import numpy as np

KINDS: list[dict[str, object]] = [
    {"distribution": "uniform", "min": 0.0, "max": 1.0},
    {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
    {"distribution": "logit_normal", "min": 0.8, "max": 0.9999},
    {"distribution": "int_uniform", "min": 1, "max": 33},
    {"distribution": "uniform_pow2", "min": 8, "max": 4096},
]


def peak_mb() -> float:
    """Peak resident memory of this process in MB (Linux counts kB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def measure(n: int, dim: int) -> dict[str, float]:
    """One row: n observations of `dim` parameters, then one suggestion."""
    import gpytorch  # noqa: F401  the baseline of the memory figure is a process that has both loaded
    import torch  # noqa: F401

    from protein import Protein, SearchSpace

    baseline = peak_mb()
    space = SearchSpace({f"p{i}": dict(KINDS[i % len(KINDS)]) for i in range(dim)})
    protein = Protein(space, seed=0)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=dim)
    tick = time.perf_counter()
    for u in rng.random((n, dim)):
        score = float(-np.sum((u - 0.6) ** 2) + 0.1 * np.sin(6 * u @ weights) + 0.01 * rng.normal())
        cost = float(math.exp(3 * u[0] + 0.05 * rng.normal()))
        protein.observe(space.decode(u), score=score, cost=cost)
    told = time.perf_counter() - tick
    tick, cpu = time.perf_counter(), time.process_time()
    protein.suggest()
    return {
        "n": n,
        "dim": dim,
        "wall_s": time.perf_counter() - tick,
        "cpu_s": time.process_time() - cpu,
        "observe_s": told,
        "memory_mb": peak_mb() - baseline,
    }


def main() -> None:
    """Print one table row per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", default="10")
    parser.add_argument("--n", default="100,1000,10000")
    parser.add_argument("--one", action="store_true", help="measure in this process and print JSON")
    args = parser.parse_args()
    sizes = [int(n) for n in args.n.split(",")]
    dims = [int(d) for d in args.dims.split(",")]
    if args.one:
        print(json.dumps(measure(sizes[0], dims[0])))
        return
    print("| parameters | observations | wall s | CPU s | MB over torch, gpytorch | telling them, s |")
    print("|---|---|---|---|---|---|")
    for dim in dims:
        for n in sizes:
            command = [sys.executable, "-m", "tests.bench.suggest_latency", "--one", "--n", str(n), "--dims", str(dim)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = json.loads(answer.strip().splitlines()[-1])
            print(
                f"| {dim} | {n:,} | {row['wall_s']:.2f} | {row['cpu_s']:.2f} | {row['memory_mb']:.0f} "
                f"| {row['observe_s']:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
