"""Compares two optimizers seed by seed: `python -m tests.bench.optimizer.compare runs.jsonl --of base,new`.

Both met the same noise, so differences are taken within each task and seed. The standard error of a task is over its
seeds; that of all tasks is over the means of the tasks. Two variants of Protein are two runs of the benchmark:

    python -m tests.bench.optimizer.run --peers ours --tasks tune --label base --out runs.jsonl
    OURS_SETTINGS='{"prior_weight": 0}' python -m tests.bench.optimizer.run --peers ours --tasks tune --label new ...
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.bench.optimizer import tasks
from tests.bench.optimizer.metrics import Run, hypervolume, read_runs, regret_at
from tests.bench.optimizer.report import COUNTS, SHARES, Measure, at_share

Pairs = Mapping[str, Sequence[tuple[float, float]]]
"""Values of both optimizers, seed by seed, of each task."""


def measures() -> dict[str, tuple[Measure, bool]]:
    """By name: the measure, and whether it is one of tasks with a cost budget."""
    regrets: dict[str, tuple[Measure, bool]] = {
        f"regret at {n}": (lambda run, ref, n=n: regret_at(run, ref, n), False) for n in COUNTS
    }
    for share in SHARES:
        regrets[f"regret within {share:.0%} of the budget"] = at_share(share, regret_at), True
    for share in SHARES:
        regrets[f"hypervolume within {share:.0%} of the budget"] = at_share(share, hypervolume), True
    return regrets


def pairs_of(runs: Sequence[Run], names: tuple[str, str], measure: Measure, *, by_cost: bool) -> Pairs:
    """The values of the seeds that both have, by task."""
    values: dict[tuple[str, int], dict[tuple[str, int], float]] = {}
    for run in runs:
        task = tasks.make(run["task"])
        value = measure(run, task.ref) if (task.family == "cost") == by_cost else None
        if value is not None:
            values.setdefault((run["task"], run["batch"]), {})[run["peer"], run["seed"]] = value
    out: dict[str, list[tuple[float, float]]] = {}
    for (task_name, batch), found in values.items():
        seeds = sorted(seed for peer, seed in found if peer == names[0] and (names[1], seed) in found)
        if seeds:
            label = task_name if batch == 1 else f"{task_name}@{batch}"
            out[label] = [(found[names[0], seed], found[names[1], seed]) for seed in seeds]
    return out


def table(title: str, pairs: Pairs, names: tuple[str, str]) -> list[str]:
    """Means, and the mean difference with its standard error, by task and over all tasks."""
    if not pairs:
        return []
    out = ["", f"### {title}", "", f"| task | {names[0]} | {names[1]} | difference | pairs |", "|---" * 5 + "|"]
    means = []
    for name, both in pairs.items():
        values = np.array(both)
        means.append(values.mean(axis=0))
        out.append(_row(name, means[-1], values[:, 1] - values[:, 0], len(values)))
    if len(means) > 1:
        over = np.array(means)
        out.append(_row("**mean of tasks**", over.mean(axis=0), over[:, 1] - over[:, 0], len(over)))
    return out


def _row(name: str, means: Sequence[float], differences: Sequence[float], count: int) -> str:
    error = float(np.std(differences, ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return f"| {name} | {means[0]:.3f} | {means[1]:.3f} | {np.mean(differences):+.3f} +- {error:.3f} | {count} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--of", required=True, help="two optimizers, such as base,new")
    parser.add_argument("--tasks", help="only these tasks or groups")
    a = parser.parse_args()
    first, _, second = a.of.partition(",")
    runs = read_runs(a.files, tasks=a.tasks, peers=a.of)
    for title, (measure, by_cost) in measures().items():
        print("\n".join(table(title, pairs_of(runs, (first, second), measure, by_cost=by_cost), (first, second))))


if __name__ == "__main__":
    main()
