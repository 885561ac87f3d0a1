"""How often the outlook holds: `python -m tests.bench.optimizer.outlook --out runs.jsonl`.

Protein runs each task. After 10, 15, 25, 40 and 55 evaluations, the outlook of the next 5, 10 and 20 is computed, and
compared with what the same run reaches then. `--out` keeps the runs, one JSON line each; a run that is there already is
skipped. The tables show how often the best score, the total cost and the growth of the front lie inside, below and
above their 80% intervals, of the simulated searches and corrected; the mean interval score (lower is better;
Gneiting and Raftery, JASA 102, 2007, section 6.2), that of the best score in standard deviations of the observed ones;
and the probability of a better score, predicted and observed. Costs and fronts count only where the cost varies.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from protein.analysis.conformal import BEYOND, side_of
from protein.arrays import Array
from protein.explain.outlook import ENDS, Simulated, better, corrected, front_area, simulated
from tests.bench.optimizer import tasks
from tests.bench.optimizer.calibration import arguments, run_all, shares
from tests.bench.ours import OursProtein

AFTER, FURTHER = (10, 15, 25, 40, 55), (5, 10, 20)
"""Evaluations before an outlook, and further runs."""
Outlook = dict[str, Any]
"""What one outlook said, and what came true."""
Ends = Callable[[Simulated, str], Array]
"""The ends and the middle of a quantity."""


def run_one(name: str, seed: int, evaluations: int) -> dict[str, Any]:
    """The outlooks of one run, each with what the run reaches."""
    task = tasks.make(name)
    ours = OursProtein(task.space.spec(), seed=seed, max_cost=task.max_cost, cost_param=task.cost_param)
    optimizer = ours.protein
    noise = np.random.SeedSequence([zlib.crc32(name.encode()), seed]).spawn(evaluations)
    made, scores, costs = [], [], []
    for index in range(evaluations):
        if index in AFTER:
            made += [(index, _outlook(optimizer, n)) for n in FURTHER if index + n <= evaluations]
        params, _ = optimizer.suggest()
        result = task.evaluate({**ours.defaults, **ours.space.flatten(params)}, np.random.default_rng(noise[index]))
        scores.append(-math.inf if result.is_failure else result.score)
        costs.append(result.cost)
        score = None if result.is_failure else result.score
        optimizer.observe(params, score=score, cost=result.cost, is_failure=result.is_failure)
    for index, outlook in made:
        _compare(index, outlook, np.array(scores), np.log(costs))
    return {"task": name, "seed": seed, "evaluations": evaluations, "outlooks": [outlook for _, outlook in made]}


def _outlook(optimizer: Any, n: int) -> Outlook:
    plan = optimizer.outlook_plan(n, parallel=1, pending=[])
    found, scaling = simulated(plan, optimizer.outlook_seed()), plan.models.score.standardization
    rows = {name: _listed(getattr(found, name)) for name in ("best", "cost", "gain", "paid")}
    units = {"shift": scaling.shift, "scale": scaling.scale, "floor": float(plan.models.score.z.min())}
    return {"n": n, "before": found.before, **units, **rows, "varies": not plan.models.cost.constant}


def _listed(values: Array | None) -> list[float] | None:
    return None if values is None else [float(f"{value:.5g}") for value in sorted(values.tolist())]


def _compare(index: int, outlook: Outlook, scores: Array, log_costs: Array) -> None:
    """Add the index, and what came true, to an outlook."""
    last = index + outlook["n"]
    z = (scores[:last] - outlook["shift"]) / outlook["scale"]
    outlook |= {"index": index, "true_best": float(z.max())}
    outlook["true_cost"] = float(np.exp(log_costs[index:last]).sum())
    if outlook["gain"] is not None:
        known = np.isfinite(z[:index])
        worst, end = max(float(z[:index][known].min()), outlook["floor"]), float(log_costs[:index][known].max())
        now, after = (front_area(z[:i], log_costs[:i], worst, end) for i in (index, last))
        outlook["true_gain"] = after / now - 1.0


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """The cells as Markdown."""
    lines = ["| quantity | further runs | outlooks | | inside | below | above | interval score |", "|---" * 8 + "|"]
    outlooks = [outlook for run in runs for outlook in run["outlooks"]]
    for quantity in ("best", "cost", "gain"):
        for n in FURTHER:
            of_n = [o for o in outlooks if o["n"] == n and _counts(o, quantity)]
            for name, ends in (("simulated", _simulated), ("corrected", corrected)):
                if of_n:
                    cells = [_judge(ends(_as_simulated(o), quantity), o[f"true_{quantity}"]) for o in of_n]
                    lines.append(f"| {quantity} | {n} | {len(cells)} | {name} | {shares(cells, '.3g')} |")
    forecast = [better(_as_simulated(o)) for o in outlooks]
    observed = [o["true_best"] > o["before"] for o in outlooks]
    lines += ["", f"Probability of a better score: {np.mean(forecast):.2f} forecast, {np.mean(observed):.2f} observed."]
    return "\n".join(lines)


def _counts(outlook: Outlook, quantity: str) -> bool:
    return quantity == "best" or (outlook["varies"] and outlook[quantity] is not None)


def _as_simulated(o: Outlook) -> Simulated:
    cost, gain = (None if o[name] is None else np.array(o[name]) for name in ("cost", "gain"))
    return Simulated(
        o["before"], np.array(o["best"]), cost, gain, np.array(o["paid"]), o["n"] / o["index"], o["varies"]
    )


def _simulated(found: Simulated, quantity: str) -> Array:
    return np.percentile(getattr(found, quantity), ENDS)


def _judge(ends: Array, value: float) -> tuple[int, float]:
    low, _, high = ends.tolist()
    beyond = max(low - value, value - high, 0.0)
    # the result of rounding is inside: an outlook often says that nothing changes
    side = side_of((low - 1e-4 * abs(low), high + 1e-4 * abs(high)), value)
    return side, high - low + beyond / BEYOND


def main() -> None:
    """Run the tasks and print the table."""
    names = "ackley6,branin2-noisy,levy20,decaying40,failing6"
    a = arguments(__doc__, names, "100-103", "other tasks and seeds")
    print(table(run_all(run_one, a.tasks, a.seeds, a.evaluations, a.out)))


if __name__ == "__main__":
    main()
