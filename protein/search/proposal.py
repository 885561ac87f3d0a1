"""One model-based suggestion: draw its acquisition, evaluate the acquisition at the candidates, refine the best.

A pure function of (space, settings, pool, pending, generator). Rows are points of the unit box (dim,).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from protein.arrays import Array, Indices, Mask
from protein.budget import BudgetExhausted
from protein.history import History
from protein.models.cost import cost_of
from protein.models.model_set import Models
from protein.search.acquisition import Acquisition, AncestralAcquisition
from protein.search.candidates import MAX_CELLS, perturb, row_keys, spread
from protein.search.draw import draw_acquisition
from protein.search.initial_design import column_limits
from protein.search.observed_front import front_rows
from protein.search.pool import MAX_PREDICTED, CandidateConstraints, Pool, Turn, predict_pool
from protein.search.refinement import polish
from protein.search.repair import repair
from protein.settings import ProteinSettings
from protein.space import SearchSpace

NOISE_ALLOWING_REPEATS = 0.1
"""Noise variance (of standardized scores) above which measuring a point repeatedly is worth a run."""
ENUMERABLE = 2048
"""Maximum number of cells of a space that is enumerated completely."""
POLISHED = 4
"""Number of best candidates that are refined."""
START_SD = 1e-3
"""Random displacement of the starts of the refinement: another index gives another point, even without pending runs."""
FRONT_CENTERS = 8
"""Maximum number of points of the front with candidates around them."""
UNCERTAIN = 2.0
"""If no candidate is payable by the upper end of its cost, those are whose median is this much below what is left: the
upper end is far too high as long as few costs are known."""
OWN_CANDIDATES = 64
"""Number of candidates of one suggestion, besides those that it shares with all suggestions from the same history."""

AnyAcquisition = Acquisition | AncestralAcquisition


@dataclass(frozen=True, slots=True)
class Chosen:
    """A suggestion with its acquisition value and kind, and whether it exceeds max_suggestion_cost."""

    row: Array
    params: Mapping[str, Any]
    value: float
    over_max_cost: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows (m, dim) with their acquisition values, and mean and standard deviation of their log-costs, (m,) each."""

    rows: Array
    values: Array
    log_cost: Array
    log_sd: Array

    def where(self, kept: Mask) -> Candidates:
        """Some of them."""
        return Candidates(self.rows[kept], self.values[kept], self.log_cost[kept], self.log_sd[kept])


def propose(space: SearchSpace, settings: ProteinSettings, pool: Pool, turn: Turn) -> Chosen:
    """Choose the next point. Raises SearchSpaceInfeasible and BudgetExhausted."""
    models, payable, rng = pool.models, turn.allowance.payable, turn.rng
    settings = _within(settings, payable)
    acquisition, cost_limit = draw_acquisition(settings, models, turn)
    taken = [set(row_keys(space.snap(turn.pending))), pool.measured]
    if models.score.noise > NOISE_ALLOWING_REPEATS and space_size(space) > ENUMERABLE:
        taken.pop()
    found = _candidates(space, settings, pool, acquisition, taken, rng)
    if len(found.rows) == 0:
        found = _last_resort(space, pool, acquisition, taken, turn.fallback)
    over_max_cost = cost_limit is not None and not (found.log_cost <= cost_limit).any()
    if cost_limit is not None:
        found = found.where(found.log_cost <= (found.log_cost.min() + 1e-9 if over_max_cost else cost_limit))
    if payable is not None:
        found = _payable(models, found, payable)
    rows, values = found.rows, found.values
    if isinstance(acquisition, Acquisition) and space_size(space) > ENUMERABLE and not over_max_cost:
        rows = rows[np.argsort(-values, kind="stable")[:POLISHED]]
        starts = space.snap(np.clip(rows + START_SD * rng.standard_normal(rows.shape), 0.0, 1.0))
        refined = _refine(space, pool, acquisition, starts, taken)
        if payable is not None:
            refined = refined[models.payable(refined, payable)]
        rows = unique_rows(np.concatenate([rows, refined]))
        values = acquisition.values(rows)
    best = int(np.argmax(values))
    return Chosen(rows[best], space.decode(rows[best]), float(values[best]), over_max_cost, acquisition.kind)


def _within(settings: ProteinSettings, payable: float | None) -> ProteinSettings:
    """The settings with a cost cap of at most what is payable, so that candidates are sought among cheap points."""
    cap = settings.max_suggestion_cost
    if payable is None or payable <= 0 or (cap is not None and cap <= payable):
        return settings
    return replace(settings, max_suggestion_cost=payable)


def _payable(models: Models, found: Candidates, payable: float) -> Candidates:
    """The candidates that are predicted to cost at most this much. Raises BudgetExhausted with the forecast.

    If there is none because few costs are known, those whose median is well below it.
    """
    upper, median = models.upper_cost(found.log_cost, found.log_sd), cost_of(found.log_cost)
    for most in (upper, UNCERTAIN * median):
        if (most <= payable).any():
            return found.where(most <= payable)
    at = int(np.argmin(upper))
    forecast = f"the cheapest run is predicted to cost {median[at]:.3g}, with 90% probability at most {upper[at]:.3g}"
    raise BudgetExhausted(f"{forecast}, but only {max(payable, 0.0):.3g} is left")


def _candidates(
    space: SearchSpace,
    settings: ProteinSettings,
    pool: Pool,
    acquisition: AnyAcquisition,
    taken: Sequence[set[bytes]],
    rng: np.random.Generator,
) -> Candidates:
    """The candidates of the pool that are not taken, and some of this suggestion only."""
    found = _open_candidates(pool, acquisition, taken)
    if not isinstance(acquisition, Acquisition) or space_size(space) <= ENUMERABLE:
        return found
    own = _cheap_at_first(space, pool.models, draw_own_candidates(space, settings, pool.models, rng))
    own = untaken(unique_rows(allowed_rows(space, own, pool.constraints)), taken)
    mean, sd = pool.models.cost.predict(own, sketch=True)
    return Candidates(
        np.concatenate([found.rows, own]),
        np.concatenate([found.values, acquisition.near(own).values(own, sketch=True)]),
        np.concatenate([found.log_cost, mean]),
        np.concatenate([found.log_sd, sd]),
    )


def _refine(
    space: SearchSpace, pool: Pool, acquisition: Acquisition, rows: Array, taken: Sequence[set[bytes]]
) -> Array:
    """The refinements (m, dim) of `rows` (k, dim) that are allowed and new."""
    found = _cheap_at_first(space, pool.models, polish(space, acquisition.near(rows), rows))
    refined = untaken(allowed_rows(space, found, pool.constraints), taken)
    if acquisition.cost_limit is not None:
        refined = refined[pool.models.cost.mean(refined) <= acquisition.cost_limit]
    return refined


def _open_candidates(pool: Pool, acquisition: AnyAcquisition, taken: Sequence[set[bytes]]) -> Candidates:
    """The rows of the pool that are not taken, with their values and log-costs."""
    free = ~pool.observed if len(taken) > 1 else np.ones(len(pool.rows), dtype=bool)
    free[pool.positions(taken[0])] = False
    values = acquisition.values_given(pool.predictions(acquisition.score))
    return Candidates(pool.rows, values, *pool.log_cost).where(free)


def _last_resort(
    space: SearchSpace,
    pool: Pool,
    acquisition: AnyAcquisition,
    taken: Sequence[set[bytes]],
    fallback: Callable[[], Mapping[str, Any]],
) -> Candidates:
    """The candidates when all others are taken: a fallback point, or repetitions in a small space.

    An observed point is repeated before a pending one.
    """
    if space_size(space) <= ENUMERABLE and len(pool.rows):
        found = _open_candidates(pool, acquisition, taken[:1])
        return found if len(found.rows) else _open_candidates(pool, acquisition, [set()])
    rows = space.snap(space.encode(fallback())[None, :])
    return Candidates(rows, np.zeros(1), *pool.models.cost.predict(rows))


def build_pool(
    space: SearchSpace,
    settings: ProteinSettings,
    models: Models,
    constraints: CandidateConstraints | None,
    rng: np.random.Generator,
) -> Pool:
    """The candidates of a history, repaired to satisfy the constraints."""
    drawn = _cheap_at_first(space, models, draw_candidates(space, settings, models, rng))
    rows = unique_rows(allowed_rows(space, drawn, constraints))
    return predict_pool(models, rows, set(row_keys(space.snap(models.history.x))), constraints)


def _cheap_at_first(space: SearchSpace, models: Models, rows: Array) -> Array:
    """The rows, with cost parameters limited like those of the initial design as long as only sources predict costs."""
    if not models.sources or models.history.predicts_cost:
        return rows
    limits = column_limits(space)
    out: Array = space.snap(np.minimum(rows, np.where(limits < 1.0, limits - 1e-9, 1.0)))  # within the last cell
    return out


def draw_candidates(space: SearchSpace, settings: ProteinSettings, models: Models, rng: np.random.Generator) -> Array:
    """Candidates (m, dim): the whole space if it is small, otherwise points spread over it and around good points."""
    if space_size(space) <= ENUMERABLE:
        return np.stack([space.encode(flat) for flat in space.enumerate(ENUMERABLE)])
    history = models.history
    front = front_rows(history)
    most = max(min(MAX_CELLS // (2 * space.dim), MAX_PREDICTED // (2 * max(len(history), 1))), 64)
    if settings.acquisition == "protein":
        each = min(settings.suggestions_per_pareto, max(most // max(len(front), 1), 1))
        groups = [space.snap(box_samples(space, row, settings.global_search_scale, each, rng)) for row in front[:most]]
        return np.concatenate([*groups, spread(space, min(max(settings.random_suggestions // 4, 64), most), rng)])
    centers = list(history.x[best_rows(history)])
    if len(front) > FRONT_CENTERS:
        front = front[np.linspace(0, len(front) - 1, FRONT_CENTERS).round().astype(np.int64)]
    centers += list(front)
    for source, weight in zip(models.sources, models.score.weights, strict=True):
        centers += list(source.history.x[best_rows(source.history)]) if weight > 0 else []
    if settings.max_suggestion_cost is not None and len(history):
        known = np.where(np.isfinite(history.cost), history.cost, np.inf)
        centers.append(history.x[int(np.argmin(known))])
    around = unique_rows(np.array(centers)) if centers else np.zeros((0, space.dim))
    # The defaults (1,024 and 256) give 384 + 12 x 32 candidates. More do not help, because the best are refined.
    global_rows = spread(space, min(max(settings.random_suggestions * 3 // 8, 32), most), rng)
    each = min(max(settings.suggestions_per_pareto // 8, 4), max(most // max(len(around), 1), 1))
    local_rows = perturb(space, np.clip(around, 0.0, 1.0), each, search_widths(space, settings), rng)
    return np.concatenate([global_rows, local_rows])


def draw_own_candidates(
    space: SearchSpace, settings: ProteinSettings, models: Models, rng: np.random.Generator
) -> Array:
    """Some candidates (m, dim) for one suggestion only, around the best points."""
    history = models.history
    best = best_rows(history)
    centers = history.x[best] if len(best) else space.center_unit[None, :]
    count = OWN_CANDIDATES // len(centers)
    return perturb(space, np.clip(centers, 0.0, 1.0), count, search_widths(space, settings), rng)


def best_rows(history: History) -> Indices:
    """Positions of the four best rows."""
    scored = np.flatnonzero(history.scored)
    best: Indices = scored[np.argsort(-history.utility[scored], kind="stable")][:4]
    return best


def search_widths(space: SearchSpace, settings: ProteinSettings) -> Array:
    """Multipliers (dim,) of the perturbation distances: global_search_scale, and a numeric `scale` over its 0.5."""
    widths = np.full(space.dim, settings.global_search_scale)
    for j, column in enumerate(space.columns):
        scale = space.parameters[column.parameter].scale
        if isinstance(scale, int | float):
            widths[j] *= min(max(scale / 0.5, 0.1), 2.0)
    return widths


def box_samples(space: SearchSpace, row: Array, width: float, count: int, rng: np.random.Generator) -> Array:
    """`count` uniform samples (count, dim) in the box of half-width scale x `width` around `row`."""
    low, high = space.box(row, width)
    return low + (high - low) * rng.random((count, space.dim))


def allowed_rows(space: SearchSpace, rows: Array, constraints: CandidateConstraints | None) -> Array:
    """`rows` with every row that violates a constraint repaired, or removed if that is impossible."""
    if constraints is None or len(rows) == 0:
        return rows
    kept = []
    for row in rows:
        passes = constraints.allowed(space.decode(row))
        repaired = row if passes else repair(space, row, constraints.anchors, constraints.allowed)
        if repaired is not None:
            kept.append(repaired)
    return np.array(kept) if kept else np.zeros((0, space.dim))


def unique_rows(rows: Array) -> Array:
    """`rows` without duplicates; the first of each is kept."""
    seen: dict[bytes, int] = {}
    for i, key in enumerate(row_keys(rows)):
        seen.setdefault(key, i)
    return rows[list(seen.values())]


def untaken(rows: Array, taken: Sequence[set[bytes]]) -> Array:
    """The `rows` that are not in any of the `taken` sets."""
    return rows[[not any(key in keys for keys in taken) for key in row_keys(rows)]] if len(rows) else rows


def space_size(space: SearchSpace) -> float:
    """Number of distinct points, infinite with a continuous parameter."""
    return math.inf if space.cells is None else float(space.cells)
