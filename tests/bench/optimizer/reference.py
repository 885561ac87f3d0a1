"""Reference values of tasks: `python -m tests.bench.optimizer.reference TASK ...` adds them to data/reference.json.

best: the known optimum, or the best score of a search of 100,000 evaluations. median, q10: of 10,000 random points.
For surrogates of trainings also the costs, the ideal front of score and log-seconds, and the budget: 30 times the
median seconds of a random configuration with the full dial.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import numpy as np

from tests.bench.optimizer import tasks
from tests.bench.optimizer.space import Array

SAMPLES, ROUNDS, KEPT, CHILDREN = 20_000, 20, 100, 20
FULL_TRAININGS = 30


def synthetic(task: tasks.Synthetic) -> dict[str, Any]:
    """Values of a function with a known optimum."""
    scores = [
        task.truth(task.space.from_unit(u))[0] for u in np.random.default_rng(0).random((10_000, len(task.space)))
    ]
    return {**_quantiles(np.array(scores)), "best": tasks.OPTIMA[task.name], "max_cost": 1.0, "min_cost": 1.0}


def surrogate(task: tasks.SurrogateTask) -> dict[str, Any]:
    """Values of a surrogate, by random search and then perturbation of the best points within each cost."""
    rng = np.random.default_rng(0)
    units = rng.random((SAMPLES, len(task.space)))
    values = task.truth_many(units)
    found = {**_quantiles(values[:10_000, 0]), "max_cost": float(np.exp(values[:, 1].max()))}
    found["budget"] = _budget(task, units[:2_000])
    for _ in range(ROUNDS):
        kept = _kept(values)
        children = np.repeat(units[kept], CHILDREN, axis=0)
        moved = children + rng.standard_normal(children.shape) * rng.choice([0.2, 0.05, 0.01], size=(len(children), 1))
        children = np.clip(np.where(rng.random(children.shape) < 0.5, moved, children), 0.0, 1.0)
        units, values = units[kept], values[kept]
        units = np.concatenate([units, children])
        values = np.concatenate([values, task.truth_many(children)])
    front = _front(values)
    found |= {"best": front[-1][1], "best_cost": math.exp(front[-1][0]), "front": front}
    return found | {"min_cost": math.exp(front[0][0])}


def _quantiles(scores: Array) -> dict[str, Any]:
    return {"median": float(np.median(scores)), "q10": float(np.quantile(scores, 0.1))}


def _budget(task: tasks.SurrogateTask, units: Array) -> float:
    full = units.copy()
    full[:, task.space.names.index(task.surrogate.dial)] = 1.0
    return FULL_TRAININGS * float(np.exp(np.median(task.truth_many(full)[:, 1])))


def _kept(values: Array) -> Array:
    """Positions of the best points up to each of KEPT log-costs, and of the cheapest."""
    order = np.argsort(values[:, 1], kind="stable")
    leaders = order[np.flatnonzero(np.diff(np.maximum.accumulate(values[order, 0]), prepend=-np.inf) > 0)]
    best = np.argsort(-values[:, 0], kind="stable")[:KEPT]
    return np.unique(np.concatenate([leaders[-KEPT:], best]))


def _front(values: Array) -> list[list[float]]:
    order = np.lexsort((-values[:, 0], values[:, 1]))
    front: list[list[float]] = []
    for score, log_cost in values[order]:
        if not front or score > front[-1][1]:
            front.append([float(log_cost), float(score)])
    step = max(1, len(front) // 40)
    return [*front[:-1:step], front[-1]]


def main() -> None:
    """Compute the values of the tasks named in the arguments."""
    path = tasks.DATA / "reference.json"
    for name in sys.argv[1:]:
        task = tasks.make(name)
        if isinstance(task, tasks.SurrogateTask):
            values = surrogate(task)
        elif isinstance(task, tasks.Synthetic):
            values = synthetic(task)
        else:
            raise SystemExit(f"{name}: its values were computed otherwise")
        known = json.loads(path.read_text()) | {name: values}
        path.write_text(json.dumps(known, indent=1) + "\n")
        print(name, {key: value for key, value in values.items() if key != "front"}, flush=True)


if __name__ == "__main__":
    main()
