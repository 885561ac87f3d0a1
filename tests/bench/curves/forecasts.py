"""Quality of forecasts on the tables: `python -m tests.bench.curves.forecasts --half report --seeds 0-4`.

In each task, some random runs are finished, and others have reported up to a fraction. Printed are, by fraction: the
share of the final scores and costs inside the 80% intervals, the median absolute error relative to the last reported
score's, and of the runs with a probability below 1% to be on the front, the share that is on it nevertheless.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict

import numpy as np

from protein import Protein, SearchSpace
from tests.bench.curves.tables import Task, tasks_of
from tests.bench.ours import parameter

FRACTIONS = (0.05, 0.1, 0.25, 0.5, 0.75)
RUNNING = 40


def measure(task: Task, finished: int, seed: int, *, comparable: bool) -> dict[float, list[list[float]]]:
    """By fraction: inside (score), inside (cost), error, error of the last score, probability, whether on the front."""
    spec = {name: parameter(fields) for name, fields in task.space.spec().items()}
    if task.dial is not None:
        spec[task.dial]["scale"] = "time"
    rng = np.random.default_rng(seed)
    runs = [(params, task.run(params)) for params in (task.space.sample(rng) for _ in range(finished + RUNNING))]
    out: dict[float, list[list[float]]] = defaultdict(list)
    ended: list[tuple[float, float]] = []
    optimizer = Protein(SearchSpace(spec), seed=seed, comparable_curves=comparable)
    for params, run in runs[:finished]:
        for e, s, c in zip(run.epochs[:-1], run.scores, run.seconds, strict=False):
            optimizer.report(params, step=float(e), score=float(s), cost=float(c), max_step=float(run.epochs[-1]))
        optimizer.observe(params, score=float(run.scores[-1]), cost=float(run.seconds[-1]))
        ended.append((float(run.scores[-1]), float(run.seconds[-1])))
    for fraction in FRACTIONS:
        for params, run in runs[finished:]:
            known = run.epochs <= fraction * run.epochs[-1]
            if not known.any():
                continue
            for e, s, c in zip(run.epochs[known], run.scores, run.seconds, strict=False):
                optimizer.report(params, step=float(e), score=float(s), cost=float(c), max_step=float(run.epochs[-1]))
            told, score, cost = optimizer.forecast(params), float(run.scores[-1]), float(run.seconds[-1])
            low, high = told.cost_interval or (math.nan, math.nan)
            wins = not any(s >= score and c <= cost for s, c in ended)
            out[fraction].append([
                told.score_interval[0] <= score <= told.score_interval[1], low <= cost * 1.001 and cost <= high * 1.001,
                abs(told.score - score), abs(float(run.scores[known][-1]) - score), told.front_probability, wins,
            ])  # fmt: skip
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", default="tune", choices=("tune", "report"))
    parser.add_argument("--seeds", default="0-2")
    parser.add_argument("--finished", type=int, default=20)
    parser.add_argument("--alone", action="store_true", help="curves of different runs are not comparable")
    parser.add_argument("--tasks")
    a = parser.parse_args()
    first, _, last = a.seeds.partition("-")
    total: dict[tuple[bool, float], list[list[float]]] = defaultdict(list)
    print("| task | fraction | score inside | cost inside | error / last score's | P < 1% | of those on the front |")
    print("|---" * 7 + "|")
    for name in a.tasks.split(",") if a.tasks else tasks_of(a.half):
        task = Task(name)
        for seed in range(int(first), int(last or first) + 1):
            for fraction, rows in measure(task, a.finished, seed, comparable=not a.alone).items():
                total[name, fraction] += rows
                total["all fixed" if task.fixed else "all with a dial", fraction] += rows
    for (name, fraction), rows in total.items():
        values = np.array(rows, dtype=np.float64)
        low = values[:, 4] < 0.01
        wrong = f"{values[low, 5].mean():.1%}" if low.any() else "-"
        ratio = np.median(values[:, 2]) / max(np.median(values[:, 3]), 1e-12)
        print(f"| {name} | {fraction:g} | {values[:, 0].mean():.0%} | {values[:, 1].mean():.0%} | {ratio:.2f} | "
              f"{low.mean():.0%} | {wrong} |")  # fmt: skip


if __name__ == "__main__":
    main()
