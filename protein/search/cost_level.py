"""Draws the acquisition of one suggestion: the kind of gain, the cost level and the incumbent.

The draws depend only on the generator.
"""

from __future__ import annotations

import math

import numpy as np

from protein.arrays import Array, Mask
from protein.history import History
from protein.models.model_set import Models
from protein.models.outcomes import OutcomeModel
from protein.models.posterior import Posterior
from protein.models.score import as_tensor, normals_for
from protein.outcomes import draw_levels
from protein.search.acquisition import Acquisition, AncestralAcquisition
from protein.search.observed_front import front_positions
from protein.search.pool import Turn
from protein.search.staircase import build_staircase
from protein.settings import ProteinSettings

SHARE_UCB = 0.3
SHARE_AREA = 0.3
"""Share of suggestions that maximize the area under the front instead of its height, if costs span FEW_DECADES + 1
powers of ten or more. The share falls to 0 at FEW_DECADES: there the number of runs matters more than their cost."""
FEW_DECADES = 2.5
GROWTH = 2.0
"""The cost cap is this multiple of the total cost so far. With 1, a search with many cheap runs progresses too slowly:
even a run that costs as much as all others together hardly raises the cap."""
MAX_UNSCORED = 256
"""Maximum number of unscored rows that get a fantasy."""


def draw_acquisition(
    settings: ProteinSettings, models: Models, turn: Turn
) -> tuple[Acquisition | AncestralAcquisition, float | None, float | None]:
    """The acquisition of one suggestion, its cost level and the limit of max_suggestion_cost (log-cost, or None).

    There is a cost level only if the area under the front is maximized.
    """
    history, pending, rng = models.history, turn.pending, turn.rng
    posterior, fantasies = _fantasize(models, pending, turn.fantasy_rng)
    log_costs = _scored_log_costs(models)
    cost_limit = _log_cost_limit(settings, models)
    if settings.acquisition == "protein":
        ancestral, cost_level = _ancestral(settings, models, posterior, log_costs, rng)
        return ancestral, cost_level, cost_limit
    pending_costs = models.cost.mean(pending)
    cap = cost_cap(models, pending_costs, settings.max_suggestion_cost)
    outcome_levels = draw_outcome_levels(history, rng)
    kind = _draw_kind(settings, models, cap, rng)
    z = models.score.z
    reached = history.outcomes.reach(outcome_levels)[history.scored]
    staircase, cost_level = None, None
    thrift = 0.0 if models.cost.constant or kind == "area" else turn.allowance.thrift
    if kind == "area" and cap is not None:
        cost_level = cap
        worst = float(z.min()) if len(z) else 0.0
        pending_scores = fantasies[: len(pending)]
        staircase = build_staircase(z[reached], log_costs[reached], worst, pending_scores, pending_costs, cost_level)
    acquisition = Acquisition(
        posterior,
        models.cost,
        models.feasibility,
        as_tensor(_incumbents(z, reached, log_costs, fantasies, pending_costs, cost_level)),
        kind,
        cost_level,
        None if models.cost.constant else cost_limit,
        staircase,
        _outcome_targets(models, outcome_levels),
        thrift,
    )
    return acquisition, cost_level, cost_limit


def _fantasize(models: Models, pending: Array, rng: np.random.Generator) -> tuple[Posterior, Array]:
    """The score posterior after fantasies of the pending and the unscored rows, and the fantasies (pending first)."""
    history = models.history
    # A censored run has no score. Without a fantasy of at most the average there, its point would be suggested
    # repeatedly.
    unscored = history.x[~history.scored & ~history.failed][:MAX_UNSCORED]
    rows = np.concatenate([pending, unscored])
    ceiling = np.repeat([[np.inf], [0.0]], [len(pending), len(unscored)], axis=0)
    return models.score.with_pending(rows, normals_for(len(rows), rng), ceiling)


def _log_cost_limit(settings: ProteinSettings, models: Models) -> float | None:
    """Log of max_suggestion_cost; None without that setting or while no cost is known."""
    cap = settings.max_suggestion_cost
    if cap is None or not models.cost.known:
        return None
    return math.log(cap) if cap > 0 else -math.inf


def _draw_kind(settings: ProteinSettings, models: Models, cap: float | None, rng: np.random.Generator) -> str:
    """The kind of gain: the configured one, or for "auto" a random one of "ei", "ucb" and "area"."""
    if settings.acquisition != "auto":
        return settings.acquisition
    kind = "ucb" if rng.random() < SHARE_UCB else "ei"
    if cap is not None and rng.random() < area_share(models, cap, settings.max_suggestion_cost):
        return "area"
    return kind


def _outcome_targets(models: Models, outcome_levels: Array) -> tuple[tuple[OutcomeModel, float], ...]:
    """The model and the standardized level of each outcome that has a finite level."""
    pairs = zip(models.outcomes, outcome_levels, strict=True)
    return tuple((model, model.standardize(float(level))) for model, level in pairs if np.isfinite(level))


def _scored_log_costs(models: Models) -> Array:
    """Log-costs (n,) of the scored rows: observed if known, otherwise predicted."""
    history = models.history
    known: Array = np.log(np.maximum(history.cost[history.scored], 1e-300))
    missing = ~np.isfinite(known)
    if missing.any():
        known[missing] = models.cost.mean(history.x[history.scored][missing])
    return known


def _ancestral(
    settings: ProteinSettings, models: Models, posterior: Posterior, log_costs: Array, rng: np.random.Generator
) -> tuple[AncestralAcquisition, float | None]:
    """The acquisition "protein" with a random target, and the log-cost of that target."""
    low, high = (float(log_costs.min()), float(log_costs.max())) if len(log_costs) else (0.0, 0.0)
    target = (1 + settings.expansion_rate) * float(rng.random())
    if models.cost.constant:
        low = high = 0.0
    acquisition = AncestralAcquisition(posterior, target, low, high)
    return acquisition, (low + target * (high - low) if high > low else None)


def _incumbents(
    z: Array,
    reached: Mask,
    log_costs: Array,
    fantasies: Array,
    pending_costs: Array,
    cost_level: float | None,
) -> Array:
    """The scores to improve on (s,), one for each fantasy.

    The incumbent is the best observed score among the rows that reach the outcome levels (`reached`, (n,)) at a cost of
    at most `cost_level`. A pending run's fantasy (the first rows of `fantasies`) replaces it if that is better.
    """
    within = z[reached] if cost_level is None else z[reached & (log_costs <= cost_level)]
    incumbent = float(within.max()) if len(within) else float(z.min()) if len(z) else 0.0
    pending_scores = fantasies[: len(pending_costs)]
    if cost_level is not None:
        pending_scores = pending_scores[pending_costs <= cost_level]
    best: Array = np.maximum(incumbent, pending_scores.max(axis=0, initial=-np.inf))
    return best if np.isfinite(best).all() else np.full(fantasies.shape[1], incumbent)


def draw_outcome_levels(history: History, rng: np.random.Generator) -> Array:
    """Levels (k,) of the additional outcomes for one suggestion; -inf for an outcome without a level."""
    if not history.outcomes.outcomes:
        return np.zeros(0)
    return draw_levels(history.outcomes, front_positions(history), rng)


def cost_cap(models: Models, pending_costs: Array, max_cost: float | None) -> float | None:
    """The largest log-cost that a suggestion targets, or None if the cost is unknown or constant.

    The cap grows with the total cost so far, including pending runs (log-costs `pending_costs`, (p,)). Cheap points are
    therefore tried before expensive ones. The cap is at least the median observed cost.
    """
    costs = models.history.cost[models.history.priced]
    if models.cost.constant or len(costs) == 0:
        return None
    pending_total = float(np.exp(np.minimum(pending_costs, 700.0)).sum())
    cap = max(GROWTH * (models.history.spent + pending_total), float(np.median(costs)))
    if max_cost is not None:
        cap = min(cap, max_cost)
    return math.log(cap) if 0 < cap < math.inf else None


def _log_cheapest(models: Models) -> float:
    """Log of the lowest observed cost; inf without one."""
    costs = models.history.cost[models.history.priced]
    cheapest = float(costs[costs > 0].min(initial=math.inf))
    return math.log(cheapest) if cheapest < math.inf else math.inf


def area_share(models: Models, cap: float, max_cost: float | None) -> float:
    """Share of suggestions that maximize the area under the front.

    It depends on the powers of ten between the cheapest run and the most expensive allowed one, which is given by
    max_suggestion_cost or by `cap` (log-cost), whichever is higher.
    """
    highest = cap if max_cost is None else max(cap, math.log(max_cost))
    decades = (highest - _log_cheapest(models)) / math.log(10.0)
    return SHARE_AREA * min(max(decades - FEW_DECADES, 0.0), 1.0)
