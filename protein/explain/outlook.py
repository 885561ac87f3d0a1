"""What further runs are expected to buy: the search is simulated many times, on functions drawn from the posterior.

Each path is one possible future. A step chooses the candidate with the highest acquisition, as `suggest` does, given
the results of the path so far, and draws the result of the run from the posterior given these results. Drawing one
result after the other is the same as drawing the whole function first (Rasmussen and Williams, Gaussian Processes for
Machine Learning, 2006, section 2.2), but needs it only where the path goes. Conditioning on one more result of index i
at variance v_i = k_i(x_i, x_i) + noise changes mean and covariance by

    m_i+1(x) = m_i(x) + w_i(x) z_i,   k_i+1(x, x') = k_i(x, x') - w_i(x) w_i(x'),   w_i(x) = k_i(x, x_i) / sqrt(v_i)

with z_i standard normal: all paths advance together, and a step costs O(paths x candidates x steps).

The candidates are those of one suggestion, and the hyperparameters stay as they are. Real searches move their
candidates and fit again, so they find more than a path does if they have just begun. And they meet functions that are
no draw from the posterior, so that a search that has gone on for long finds less. The answers are therefore corrected,
by how long the simulated search is relative to the one before. `python -m tests.bench.optimizer.outlook` measures how
often they hold; the constants were chosen on the tasks hartmann6, rosenbrock5-noisy, mlp_digits, rl8 and hartmann6in40.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from protein.analysis.pareto import nondominated
from protein.arrays import Array
from protein.explain.answers import Outlook
from protein.explain.paths import Paths, Plan, simulate
from protein.models.cost import cost_of
from protein.models.model_set import Models

PATHS = 128
"""Number of simulated searches: 12 of them lie beyond each end of an 80% interval."""
AT_ONCE = 32
"""Searches that are simulated together. It bounds the memory."""
HORIZON = 0.1, 2.0
"""Range of the number of further runs, relative to the results so far, in which the corrections were measured."""
ENDS = 10.0, 50.0, 90.0
"""Percentiles: the ends of the interval, and the expectation between them."""
BEST = ((10.0, 0.5, 0.5), (50.0, 1.5, 0.75), (98.0, 4.0, 0.75))
"""Percentile, factor, and power of the horizon: what the ends and the middle of the improvement of the score are."""
GAIN = 0.1, 0.6, 1.75
"""Factors of the ends and the middle of the growth of the front."""
COST = math.exp(-0.35), 1.0, math.exp(0.2)
"""Factors of the ends and the middle of the cost."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What s simulated searches reach. The score is standardized and to be maximized.

    before: the best observed score; -inf without one. best: (s,), after these runs. cost: (s,), total of the runs that
    are not pending. gain: (s,), growth of the area under the front; None where it is not defined. paid: (s,), number of
    these runs that the budget pays for. horizon: number of runs, relative to that of the results so far. varies:
    whether the cost does.
    """

    before: float
    best: Array
    cost: Array | None
    gain: Array | None
    paid: Array
    horizon: float
    varies: bool


def simulated(plan: Plan, seed: list[int]) -> Simulated:
    """The simulated searches of a plan. seed: of the random draws."""
    models, history = plan.models, plan.models.history
    parts = [simulate(plan, AT_ONCE, np.random.default_rng([*seed, i])) for i in range(PATHS // AT_ONCE)]
    paths = Paths(*(np.concatenate([getattr(part, name) for part in parts]) for name in Paths.__slots__))
    reaching = history.outcomes.reach(history.outcomes.least)[history.scored]
    before = float(models.score.z[reaching].max(initial=-math.inf))
    best = np.maximum(paths.score.max(axis=1, initial=-math.inf), before)
    costs, paid = cost_of(paths.log_cost[:, plan.pending :]), paths.paid[:, plan.pending :]
    total = (costs * paid).sum(axis=1) if models.cost.known else None
    lowest = float(models.score.z.min(initial=0.0))  # assumed where no run counts
    horizon = (plan.pending + plan.runs) / max(len(history), 1)
    gain, varies = _front_gain(models, paths), not models.cost.constant
    return Simulated(before, np.maximum(best, lowest), total, gain, paid.sum(axis=1), horizon, varies)


def outlook_of(found: Simulated, plan: Plan) -> Outlook:
    """The outlook, in the user's units."""
    models, history = plan.models, plan.models.history
    eligible = history.scored & history.outcomes.reach(history.outcomes.least)
    now = float(history.utility[eligible].max(initial=-math.inf))
    # the model moves outliers closer, but the best score is what was observed
    best = np.maximum(models.score.standardization.backward(corrected(found, "best")), now)
    low, middle, high = (models.sign * best).tolist()
    cost = None if found.cost is None else corrected(found, "cost").tolist()
    gain = None if found.gain is None else corrected(found, "gain").tolist()
    return Outlook(
        runs=plan.runs,
        payable_runs=float(found.paid.mean()),
        best_now=models.sign * now if eligible.any() else None,
        best=middle,
        best_interval=(min(low, high), max(low, high)),
        probability_better=better(found),
        cost=None if cost is None else cost[1],
        cost_interval=None if cost is None else (cost[0], cost[2]),
        front_gain=None if gain is None else gain[1],
        front_gain_interval=None if gain is None else (gain[0], gain[2]),
    )


def corrected(found: Simulated, quantity: str) -> Array:
    """The ends and the middle (3,) of the "best" standardized score, of the "cost" or of the "gain"."""
    values: Array = getattr(found, quantity)
    ends: Array = np.percentile(values, ENDS)
    if quantity != "best":
        return ends * GAIN if quantity == "gain" else ends * COST if found.varies else ends
    if not math.isfinite(found.before):
        return ends
    horizon = min(max(found.horizon, HORIZON[0]), HORIZON[1])
    gains = [factor * horizon**power * np.percentile(values - found.before, at) for at, factor, power in BEST]
    return found.before + np.maximum.accumulate(gains)


def better(found: Simulated) -> float:
    """The probability of a better score. Simulated searches are too sure that there is one."""
    share = float((found.best > found.before).mean())
    return min(1.5 * share, 0.28 + 0.54 * share) if math.isfinite(found.before) else share


def _front_gain(models: Models, paths: Paths) -> Array | None:
    """Growth (s,) of the area under the front, as a share of the area now."""
    history, z = models.history, models.score.z
    eligible = history.outcomes.reach(history.outcomes.least)[history.scored] & (history.cost[history.scored] > 0)
    if models.cost.constant or eligible.sum() < 2:
        return None
    scores, costs = z[eligible], np.log(history.cost[history.scored][eligible])
    worst, end = float(scores.min()), float(costs.max())
    front = nondominated(np.stack([scores, -costs], 1).tolist())
    scores, costs = scores[front], costs[front]
    now = front_area(scores, costs, worst, end)
    if now <= 0:
        return None
    after = [
        front_area(np.append(scores, s), np.append(costs, c), worst, end)
        for s, c in zip(paths.score, np.where(paths.paid, paths.log_cost, np.inf), strict=True)
    ]
    return np.array(after) / now - 1.0


def front_area(scores: Array, log_costs: Array, worst: float, end: float) -> float:
    """The area under the front of `scores` (n,) over `log_costs` (n,), above `worst` and up to `end`."""
    order = np.argsort(log_costs, kind="stable")
    starts = np.minimum(log_costs[order], end)
    heights = np.maximum(np.maximum.accumulate(scores[order]) - worst, 0.0)
    return float((np.diff(np.append(starts, end)) * heights).sum())
