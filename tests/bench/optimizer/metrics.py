"""What a run is worth: regret, regret of the incumbent, and hypervolume, as curves over its evaluations.

Normalized regret is (best - best true score so far) / (best - median random score): 0 is the best known score, 1 a
median random configuration. A failed run counts as an evaluation. Cost tasks are read at shares of their cost budget.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.optimizer.space import Array
from tests.bench.optimizer.tasks import expand

Run = Mapping[str, Any]
Reference = Mapping[str, Any]


def read_runs(
    paths: Iterable[Path], *, tasks: str | None = None, peers: str | None = None, paired: bool = False
) -> list[dict[str, Any]]:
    """The runs of JSON-lines files, of some tasks and peers or of all.

    paired: of each task only the seeds that every peer present there has, so that medians compare the same noise.
    """
    runs = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    if tasks is not None:
        runs = [r for r in runs if (r["task"], r["batch"]) in expand(tasks)]
    if peers is not None:
        runs = [r for r in runs if r["peer"] in peers.split(",")]
    if not paired:
        return runs
    have: dict[tuple[str, int], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for r in runs:
        have[r["task"], r["batch"]][r["peer"]].add(r["seed"])
    return [r for r in runs if all(r["seed"] in seeds for seeds in have[r["task"], r["batch"]].values())]


def regret_at(run: Run, ref: Reference, n: int) -> float | None:
    """Normalized regret after `n` evaluations, None where the run is shorter."""
    if run["n"] < n:
        return None
    seen = [s for s in run["true"][:n] if s is not None]
    # while everything failed: no better than the worst decile
    best = max(max(seen, default=-math.inf), ref["q10"])
    return max(0.0, (ref["best"] - best) / (ref["best"] - ref["median"]))


def incumbent_at(run: Run, ref: Reference, n: int) -> float | None:
    """As `regret_at`, of the point that a user would pick: the one of the best *observed* score."""
    if run["n"] < n:
        return None
    seen = [(o, t) for o, t in zip(run["obs"][:n], run["true"][:n], strict=True) if o is not None]
    best = max(seen)[1] if seen else ref["q10"]
    return max(0.0, (ref["best"] - best) / (ref["best"] - ref["median"]))


def evaluations_within(run: Run, spend: float) -> int:
    """Evaluations that fit in a cumulative cost (the last one must finish)."""
    return int(np.searchsorted(np.cumsum(run["cost"]), spend, side="right"))


def reached(run: Run, ref: Reference, share: float) -> bool:
    """Whether a cost task's run may be read at this share of the budget.

    One cut by time before it had spent that much is read where it stopped, which understates it, unless it had hardly
    begun.
    """
    return not (run["truncated"] and np.sum(run["cost"]) < share * ref["budget"] and run["n"] < 45)


def hypervolume(run: Run, ref: Reference, n: int) -> float:
    """Share of the ideal area under best-score-within-cost over log-cost, free of noise (median random score = 0)."""
    grid = np.linspace(math.log(ref["min_cost"]), math.log(ref["max_cost"]), 201)
    pairs = zip(run["true_cost"][:n], run["true"][:n], strict=True)
    points = [(math.log(c), s) for c, s in pairs if s is not None]
    return area(grid, points, ref) / area(grid, ref["front"], ref)


def area(grid: Array, points: Sequence[Sequence[float]], ref: Reference) -> float:
    best = np.zeros_like(grid)
    for log_cost, score in points:
        value = (score - ref["median"]) / (ref["best"] - ref["median"])
        within = grid >= log_cost - 1e-9
        best[within] = np.maximum(best[within], min(max(value, 0.0), 1.0))
    return float(best.mean())
