"""What further runs are expected to gain: a plan for them, made and valued on joint samples of the score.

The plan is made in advance, as if no result arrived meanwhile. A search that learns from each result gains more, and a
model that is too sure of its best candidates gains less than it expects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from protein.arrays import Array
from protein.models.cost import cost_of
from protein.models.score import ScoreModel
from protein.prospect import Prospect
from protein.search.allowance import Horizon
from protein.search.candidates import spread
from protein.search.log_improvement import log_expected_improvement
from protein.search.pool import Pool
from protein.space import SearchSpace

CANDIDATES = 96
"""Number of candidates with the highest expected improvement, and of those with the highest one per cost."""
SAMPLES = 256
"""Joint samples of the scores. The plan is made on one half of them and valued on the other half, so that it is not
valued by the luck that it was chosen for."""
MAX_PENDING = 256
"""Number of pending runs that are sampled. Their results are expected anyway, so they are no gain of further runs."""
TYPICAL = 128
"""Number of points whose median prediction is the score of a typical configuration."""


@dataclass(frozen=True, slots=True)
class _Options:
    """Candidates of a plan. scores: samples (s, k), -inf where the run fails. costs: (k,). known: (s,), the best score
    without further runs."""

    scores: Array
    costs: Array
    known: Array


def prospect_of(space: SearchSpace, pool: Pool, pending: Array, horizon: Horizon, rng: np.random.Generator) -> Prospect:
    """What the runs that `horizon` pays for are expected to gain, besides the `pending` rows (p, dim)."""
    models = pool.models
    score, history = models.score, models.history
    eligible = history.outcomes.reach(history.outcomes.least)[history.scored]
    at = score.x[eligible] if eligible.any() else score.x
    best = float(score.predict(at)[0].max())
    chosen = _candidates(pool, best, horizon)
    options = _sample(pool, chosen, pending[:MAX_PENDING], best, rng)
    plans = [_plan(options, horizon, by_cost=by_cost) for by_cost in (True, False)]
    values = [_value(options, plan) for plan in plans]
    gain, plan = max(zip(values, plans, strict=True), key=lambda pair: pair[0])
    scale = score.standardization.scale
    typical = float(np.median(score.predict(spread(space, TYPICAL, rng))[0]))
    return Prospect(
        runs=len(plan),
        cost=math.fsum(options.costs[plan]) if models.cost.known else None,
        gain=gain * scale,
        gained=max(best - typical, 0.0) * scale,
        extent=horizon.extent,
    )


def _candidates(pool: Pool, best: float, horizon: Horizon) -> Array:
    """The positions (k,) of candidates that were not measured and are payable."""
    known = pool.known
    with torch.no_grad():
        gain = log_expected_improvement(known.score[0], known.score[1][:, None], torch.tensor([best]))[:, 0]
    log_cost = known.log_cost[0].numpy()
    value: Array = gain.numpy() + known.log_success.numpy()
    open_ = np.flatnonzero(~pool.observed & (cost_of(log_cost) <= horizon.payable))
    orders = [open_[np.argsort(-order[open_], kind="stable")][:CANDIDATES] for order in (value, value - log_cost)]
    return np.unique(np.concatenate(orders))


def _sample(pool: Pool, chosen: Array, pending: Array, best: float, rng: np.random.Generator) -> _Options:
    score: ScoreModel = pool.models.score
    rows = torch.tensor(np.concatenate([pending, pool.rows[chosen]]))
    normals = torch.tensor(rng.standard_normal((len(rows), SAMPLES)))
    scores = score.posterior.joint(rows).sample(normals).numpy().T
    # One draw for all candidates of a sample: where one fails, others like it do, too.
    fails = rng.random((SAMPLES, 1)) >= np.exp(_log_success(pool)[chosen])
    scores[:, len(pending) :][fails] = -np.inf
    known = np.maximum(best, scores[:, : len(pending)].max(axis=1, initial=-np.inf))
    return _Options(scores[:, len(pending) :], cost_of(pool.log_cost[0][chosen]), known)


def _log_success(pool: Pool) -> Array:
    """The log-probability (m,) that the run of a candidate succeeds and reaches all thresholds."""
    out: Array = pool.known.log_success.numpy().copy()
    for model, least in zip(pool.models.outcomes, pool.models.history.outcomes.least, strict=True):
        if math.isfinite(least):
            level = model.standardize(float(least))
            out += model.log_probability(pool.known.outcomes[model], level).numpy()
    return out


def _plan(options: _Options, horizon: Horizon, *, by_cost: bool) -> list[int]:
    """The candidates to run, each the one that adds most, absolutely or by its cost, to those before it."""
    half = SAMPLES // 2
    scores, best, left = options.scores[:half], options.known[:half].copy(), horizon.cost
    free = np.ones(len(options.costs), dtype=bool)
    plan: list[int] = []
    while len(plan) < horizon.runs:
        gains = np.maximum(scores - best[:, None], 0.0).mean(axis=0)
        gains[~free | (options.costs > left)] = 0.0
        pick = int(np.argmax(gains / options.costs if by_cost else gains)) if len(gains) else -1
        if pick < 0 or gains[pick] <= 0:
            break
        plan.append(pick)
        free[pick] = False
        left -= options.costs[pick]
        best = np.maximum(best, scores[:, pick])
    return plan


def _value(options: _Options, plan: list[int]) -> float:
    """The expected improvement of the best score by a plan, on the samples that it was not made on."""
    half = SAMPLES // 2
    reached = options.scores[half:, plan].max(axis=1, initial=-np.inf)
    return float(np.maximum(reached - options.known[half:], 0.0).mean())
