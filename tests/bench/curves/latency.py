"""CPU seconds of one forecast and one suggestion beside many running runs: `python -m tests.bench.curves.latency`."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from protein import Protein

POINTS = 8


def space(*, dial: bool) -> dict[str, Any]:
    """Eight parameters, one of them a cost dial."""
    parameters: dict[str, Any] = {f"p{i}": {"distribution": "uniform", "min": 0.0, "max": 1.0} for i in range(7)}
    last = {"distribution": "log_normal", "min": 1.0, "max": 1000.0, "mean": 30.0}
    return {**parameters, "steps": {**last, "scale": "time" if dial else "auto"}}


def seconds(*, finished: int, running: int, dial: bool) -> tuple[float, float]:
    """CPU seconds of the forecasts of all running runs, and of one suggestion after them."""
    optimizer, rng = Protein(space(dial=dial)), np.random.default_rng(0)
    optimizer.suggest()
    rows = rng.random((finished + running, 8))
    told = [{**{f"p{j}": float(x) for j, x in enumerate(row[:7])}, "steps": float(1000.0 ** row[7])} for row in rows]
    for i, params in enumerate(told):
        final = 1.0 - float(((rows[i] - 0.4) ** 2).sum())
        for k in range(POINTS, 0, -1):
            part = 2.0**-k
            optimizer.report(params, step=part, score=final - 0.3 * k, cost=params["steps"] * part, max_step=1.0)
        if i < finished:
            optimizer.observe(params, score=final, cost=params["steps"])
    began = time.process_time()
    optimizer.forecast_many(told[finished:])
    between = time.process_time()
    optimizer.suggest(pending=told[finished:], index=1)
    return between - began, time.process_time() - between


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    seconds(finished=10, running=2, dial=True)  # imports
    print("| finished | running | cost dial | forecasts, CPU s | next suggestion, CPU s |\n|---|---|---|---|---|")
    for finished, running in ((100, 0), (100, 10), (100, 500), (1000, 500), (10, 500)):
        for dial in (True, False):
            one, other = seconds(finished=finished, running=running, dial=dial)
            print(f"| {finished} | {running} | {'yes' if dial else 'no'} | {one:.2f} | {other:.2f} |", flush=True)


if __name__ == "__main__":
    main()
