"""Draws the acquisition of one suggestion: the kind of gain, the incumbents and the levels of additional outcomes.

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
from protein.settings import ProteinSettings

SHARE_UCB = 0.3
MAX_UNSCORED = 256
"""Maximum number of unscored rows that get a fantasy."""


def draw_acquisition(
    settings: ProteinSettings, models: Models, turn: Turn
) -> tuple[Acquisition | AncestralAcquisition, float | None]:
    """The acquisition of one suggestion, and the limit of max_suggestion_cost (log-cost, or None)."""
    history, pending, rng = models.history, turn.pending, turn.rng
    posterior, fantasies = _fantasize(models, pending, turn.fantasy_rng)
    cost_limit = _log_cost_limit(settings, models)
    if settings.acquisition == "protein":
        return _ancestral(settings, models, posterior, rng), cost_limit
    outcome_levels = draw_outcome_levels(history, rng)
    reached = history.outcomes.reach(outcome_levels)[history.scored]
    acquisition = Acquisition(
        posterior,
        models.cost,
        models.feasibility,
        as_tensor(_incumbents(models.score.z, reached, fantasies, len(pending))),
        _draw_kind(settings, rng),
        None if models.cost.constant else cost_limit,
        _outcome_targets(models, outcome_levels),
        0.0 if models.cost.constant else turn.allowance.thrift,
    )
    return acquisition, cost_limit


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


def _draw_kind(settings: ProteinSettings, rng: np.random.Generator) -> str:
    """The kind of gain: the configured one, or for "auto" a random one of "ei" and "ucb"."""
    if settings.acquisition != "auto":
        return settings.acquisition
    return "ucb" if rng.random() < SHARE_UCB else "ei"


def _outcome_targets(models: Models, outcome_levels: Array) -> tuple[tuple[OutcomeModel, float], ...]:
    """The model and the standardized level of each outcome that has a finite level."""
    pairs = zip(models.outcomes, outcome_levels, strict=True)
    return tuple((model, model.standardize(float(level))) for model, level in pairs if np.isfinite(level))


def _ancestral(
    settings: ProteinSettings, models: Models, posterior: Posterior, rng: np.random.Generator
) -> AncestralAcquisition:
    """The acquisition "protein" with a random target."""
    target = (1 + settings.expansion_rate) * float(rng.random())
    log_costs = _scored_log_costs(models)
    if models.cost.constant or len(log_costs) == 0:
        return AncestralAcquisition(posterior, target, 0.0, 0.0)
    return AncestralAcquisition(posterior, target, float(log_costs.min()), float(log_costs.max()))


def _scored_log_costs(models: Models) -> Array:
    """Log-costs (n,) of the scored rows: observed if known, otherwise predicted."""
    history = models.history
    known: Array = np.log(np.maximum(history.cost[history.scored], 1e-300))
    missing = ~np.isfinite(known)
    if missing.any():
        known[missing] = models.cost.mean(history.x[history.scored][missing])
    return known


def _incumbents(z: Array, reached: Mask, fantasies: Array, pending: int) -> Array:
    """The scores to improve on (s,), one for each fantasy.

    The incumbent is the best observed score among the rows that reach the outcome levels (`reached`, (n,)). The fantasy
    of a pending run (the first rows of `fantasies`) replaces it if that is better.
    """
    incumbent = float(z[reached].max()) if reached.any() else float(z.min()) if len(z) else 0.0
    best: Array = np.maximum(incumbent, fantasies[:pending].max(axis=0, initial=-np.inf))
    return best if np.isfinite(best).all() else np.full(fantasies.shape[1], incumbent)


def draw_outcome_levels(history: History, rng: np.random.Generator) -> Array:
    """Levels (k,) of the additional outcomes for one suggestion; -inf for an outcome without a level."""
    if not history.outcomes.outcomes:
        return np.zeros(0)
    return draw_levels(history.outcomes, front_positions(history), rng)
