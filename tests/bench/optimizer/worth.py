"""What `min_gain` gives up: `python -m tests.bench.optimizer.worth --tasks report,report-seconds --seeds 80-81`.

Each search goes on to its end. Printed is where it would have ended with each `min_gain`: after how many runs and what
share of all costs, with which regret, what the forecast was then, and what further runs with as much cost really
gained, both as a share of what was gained until then.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.bench.optimizer import tasks
from tests.bench.ours import OursProtein

LEVELS = (0.05, 0.02, 0.01, 0.005)


def search(name: str, seed: int, evals: int) -> tuple[list[float], list[float], dict[int, float]]:
    """Regrets and total costs by the number of runs, and the share of the prospect after some of them."""
    task, rng = tasks.make(name), np.random.default_rng(seed)
    optimizer = OursProtein(task.space.spec(), seed=seed, max_cost=task.max_cost, cost_param=task.cost_param)
    params, best, ref = task.space.center(), -math.inf, task.ref
    regrets, spent, shares = [], [0.0], {}
    while len(regrets) < evals:
        run = task.evaluate(params, rng)
        best = max(best, run.true_score)
        optimizer.observe(params, run.score, run.cost, run.is_failure)
        regrets.append(max(0.0, (ref["best"] - max(best, ref["q10"])) / (ref["best"] - ref["median"])))
        spent.append(spent[-1] + run.cost)
        if len(regrets) >= 10:
            shares[len(regrets)] = optimizer.protein.prospect([]).share
        (params,) = optimizer.suggest(1)
    return regrets, spent[1:], shares


def ends(found: tuple[list[float], list[float], dict[int, float]]) -> Iterator[tuple[float, ...]]:
    """For each of LEVELS: runs, share of the cost, regret there and at the end, the forecast and the real gain."""
    regrets, spent, shares = found
    for level in LEVELS:
        at = next((n for n, share in shares.items() if share < level), len(regrets))
        later = int(np.searchsorted(spent, 2 * spent[at - 1], side="right"))
        gained = max(1.0 - regrets[at - 1], 1e-9)
        real = (regrets[at - 1] - regrets[later - 1]) / gained
        yield at, spent[at - 1] / spent[-1], regrets[at - 1], regrets[-1], shares[at], real


def main() -> None:
    """Print a row for each search, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="report")
    parser.add_argument("--seeds", default="80-80")
    parser.add_argument("--evals", type=int, default=70)
    a = parser.parse_args()
    first, _, last = a.seeds.partition("-")
    total: list[list[Any]] = []
    for seed in range(int(first), int(last or first) + 1):
        for name, _ in tasks.expand(a.tasks):
            rows = list(ends(search(name, seed, a.evals)))
            total.append(rows)
            for level, row in zip(LEVELS, rows, strict=True):
                print(f"{name:>18} seed {seed} {level:g}: " + " ".join(f"{value:.4g}" for value in row), flush=True)
    heads = ("min_gain", "runs", "share of the cost", "regret", "regret at the end", "forecast gain", "real gain")
    print("| " + " | ".join(heads) + " |")
    print("|---" * len(heads) + "|")
    for level, row in zip(LEVELS, np.mean(total, axis=0), strict=True):
        cells = [f"{row[0]:.0f}", f"{row[1]:.0%}", f"{row[2]:.3f}", f"{row[3]:.3f}", f"{row[4]:.2%}", f"{row[5]:.2%}"]
        print(f"| {level:g} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
