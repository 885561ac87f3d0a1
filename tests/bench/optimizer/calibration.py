"""How many observations the 80% intervals of the forecasts hold: `python -m tests.bench.optimizer.calibration`.

Protein runs each task; forecasts of points that it chose are compared with the results. `--out` keeps the runs, one
JSON line each; a run that is there already is skipped. The tables show, for score and cost, early (the first 25
evaluations of a run) and later: the share of the observations inside, below and above the interval, and the mean
interval score in standard deviations of the model (lower is better; Gneiting and Raftery, JASA 102, 2007, section 6.2),
of the model's own forecasts and of the calibrated ones. Costs count only where they vary.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protein.analysis.calibration import Z80
from protein.analysis.conformal import BEYOND, Calibrator, Interval, side_of
from tests.bench.optimizer import tasks
from tests.bench.ours import OursProtein

EARLY = 25
"""Evaluations of a run that count as early."""
REAL = frozenset([*tasks.ML, *tasks.GROUPS["tune-seconds"], *tasks.GROUPS["report-seconds"]])
"""Tasks that are tables or surrogates of real trainings."""
Forecast = tuple[int, float, float, float]
"""Index of the evaluation, mean and standard deviation of the model, observed value; of a cost, their logarithms."""
RunOne = Callable[[str, int, int], dict[str, Any]]
"""Task, seed and number of evaluations -> what one run has shown."""


def run_one(name: str, seed: int, evaluations: int) -> dict[str, Any]:
    """The model's own forecasts in one run. They do not depend on the calibration, which the search does not use."""
    task = tasks.make(name)
    ours = OursProtein(task.space.spec(), seed=seed, max_cost=task.max_cost, cost_param=task.cost_param)
    optimizer, space = ours.protein, ours.space
    noise = np.random.SeedSequence([zlib.crc32(name.encode()), seed]).spawn(evaluations)
    forecasts: dict[str, list[Forecast]] = {"score": [], "cost": []}
    for index in range(evaluations):
        params, info = optimizer.suggest()
        flat = space.flatten(params)
        result = task.evaluate({**ours.defaults, **flat}, np.random.default_rng(noise[index]))
        if info.origin == "model" and not result.is_failure:
            row, models = space.encode(flat)[None], optimizer.models()
            (mean,), (sd,) = models.forecast_score(row)
            forecasts["score"].append((index, float(mean), float(sd), result.score))
            (log_cost,), (log_sd,) = models.forecast_log_cost(row)
            if not models.cost.constant:
                forecasts["cost"].append((index, float(log_cost), float(log_sd), math.log(result.cost)))
        score = None if result.is_failure else result.score
        optimizer.observe(params, score=score, cost=result.cost, is_failure=result.is_failure)
    return {"task": name, "seed": seed, "evaluations": evaluations, **forecasts}


def run_all(run: RunOne, names: str, seeds: range, evaluations: int, path: Path) -> list[dict[str, Any]]:
    """The runs of these tasks and seeds, read from `path` or added to it."""
    lines = path.read_text().splitlines() if path.exists() else []
    known = {(run["task"], run["seed"]): run for run in map(json.loads, lines)}
    found = []
    for seed in seeds:
        for name, _ in tasks.expand(names):
            if (name, seed) not in known:
                known[name, seed] = run(name, seed, evaluations)
                with path.open("a") as sink:
                    sink.write(json.dumps(known[name, seed], separators=(",", ":")) + "\n")
            found.append(known[name, seed])
    return found


def judge(forecasts: Sequence[Forecast], interval: Interval | None) -> list[tuple[int, int, float]]:
    """Index, side and interval score of each forecast of a run: calibrated by the earlier ones, or the model's own."""
    judged = []
    for index, mean, sd, value in forecasts:
        center, spread = (mean, sd) if interval is None else interval.calibrated(mean, sd)
        low, high = center - Z80 * spread, center + Z80 * spread
        side = side_of((low, high), value)
        beyond = max(low - value, value - high, 0.0)
        judged.append((index, side, (high - low + beyond / BEYOND) / sd))
        if interval is not None:
            interval.learn(side)
    return judged


def table(runs: Sequence[dict[str, Any]]) -> str:
    """The cells as Markdown."""
    lines = ["| tasks | of | evaluations | forecasts | | inside | below | above | interval score |", "|---" * 9 + "|"]
    for kind, quantity, name in itertools.product(("synthetic", "real"), ("score", "cost"), ("model", "calibrated")):
        judged = []
        for run in runs:
            if (run["task"] in REAL) == (kind == "real"):
                interval: Interval = getattr(Calibrator.of("maximize"), quantity)
                judged += judge(run[quantity], interval if name == "calibrated" else None)
        for when, early in ((f"first {EARLY}", True), ("later", False)):
            cell = [(side, score) for index, side, score in judged if (index < EARLY) == early]
            if cell:
                lines.append(f"| {kind} | {quantity} | {when} | {len(cell)} | {name} | {shares(cell, '.2f')} |")
    return "\n".join(lines)


def shares(cells: Sequence[tuple[int, float]], digits: str) -> str:
    """Shares of the cells (side, score) inside, below and above, and their mean score in the format ``digits``."""
    inside, below, above = (sum(side == s for side, _ in cells) / len(cells) for s in (0, -1, 1))
    return f"{inside:.0%} | {below:.0%} | {above:.0%} | {np.mean([score for _, score in cells]):{digits}}"


def arguments(description: str | None, tasks: str, seeds: str, chosen: str) -> argparse.Namespace:
    """The command line of a benchmark of forecasts. ``chosen``: where its constants come from."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=tasks)
    parser.add_argument("--seeds", default=seeds, help=f"a range; the constants were chosen on {chosen}")
    parser.add_argument("--evaluations", type=int, default=75)
    parser.add_argument("--out", type=Path, required=True)
    parsed = parser.parse_args()
    first, _, last = parsed.seeds.partition("-")
    parsed.seeds = range(int(first), int(last or first) + 1)
    return parsed


def main() -> None:
    """Run the tasks and print the table."""
    names = "ackley6,branin2-noisy,hartmann6-noisy,rosenbrock5,mlp_digits"
    a = arguments(__doc__, names, "100-104", "other tasks, seeds 0-5")
    print(table(run_all(run_one, a.tasks, a.seeds, a.evaluations, a.out)))


if __name__ == "__main__":
    main()
