"""One model-based suggestion: draw a cost level, generate candidates, evaluate the acquisition, refine the best.

A pure function of (space, settings, models, pending, generator). Rows are points of the unit box (dim,).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from protein.arrays import Array
from protein.budget import BudgetExhausted
from protein.models.cost import cost_of
from protein.models.model_set import Models
from protein.search.acquisition import Acquisition
from protein.search.candidates import MAX_CELLS, perturb, row_key, spread
from protein.search.cost_level import draw_acquisition
from protein.search.observed_front import front_rows
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """A suggestion with its acquisition value and kind, its cost level (a cost, not its log), and whether it exceeds
    max_suggestion_cost."""

    row: Array
    params: Mapping[str, Any]
    value: float
    cost_level: float | None
    over_max_cost: bool
    kind: str


@dataclass(frozen=True, slots=True)
class CandidateConstraints:
    """The constraints that every suggestion must satisfy.

    fallback: returns a flat point that satisfies the constraints, for use when no candidate is left. Raises
    SearchSpaceInfeasible. allowed: tests flat parameters; None without constraints. anchors: rows (k, dim) that satisfy
    the constraints. payable: the largest cost that a run may have; None without a budget.
    """

    fallback: Callable[[], Mapping[str, Any]]
    allowed: Callable[[Mapping[str, Any]], bool] | None = None
    anchors: Array | None = None
    payable: float | None = None


def propose(
    space: SearchSpace,
    settings: ProteinSettings,
    models: Models,
    pending: Array,
    constraints: CandidateConstraints,
    rng: np.random.Generator,
    fantasy_rng: np.random.Generator,
) -> Chosen:
    """Choose the next point, given pending rows (p, dim). They must be sorted. Raises BudgetExhausted."""
    settings = _within(settings, constraints.payable)
    acquisition, cost_level, cost_limit = draw_acquisition(settings, models, pending, rng, fantasy_rng)
    candidates = draw_candidates(space, settings, models, cost_level, cost_limit, rng)
    candidates = unique_rows(allowed_rows(space, candidates, constraints))
    taken = [{row_key(r) for r in space.snap(pending)}, {row_key(r) for r in space.snap(models.history.x)}]
    if models.score.noise > NOISE_ALLOWING_REPEATS and space_size(space) > ENUMERABLE:
        taken.pop()
    candidates = _new_candidates(space, candidates, taken, constraints)
    over_max_cost = False
    if cost_limit is not None:
        log_cost = models.cost.predict(candidates)[0]
        over_max_cost = not (log_cost <= cost_limit).any()
        candidates = candidates[log_cost <= (log_cost.min() + 1e-9 if over_max_cost else cost_limit)]
    candidates = _payable_rows(models, candidates, constraints.payable)
    values = acquisition.values(candidates)
    if isinstance(acquisition, Acquisition) and not over_max_cost:
        top = candidates[np.argsort(-values, kind="stable")[:POLISHED]]
        refined = unique_rows(allowed_rows(space, polish(space, acquisition, top), constraints))
        refined = untaken(refined, taken)
        if cost_limit is not None and len(refined):
            refined = refined[models.cost.predict(refined)[0] <= cost_limit]
        if constraints.payable is not None and len(refined):
            refined = refined[models.payable(refined, constraints.payable)]
        if len(refined):
            candidates = np.concatenate([candidates, refined])
            values = np.concatenate([values, acquisition.values(refined)])
    best = int(np.argmax(values))
    row, value = candidates[best], float(values[best])
    kind = acquisition.kind if isinstance(acquisition, Acquisition) else "protein"
    level = None if cost_level is None else float(cost_of(cost_level))
    return Chosen(row, space.decode(row), value, level, over_max_cost, kind)


def _new_candidates(
    space: SearchSpace, candidates: Array, taken: Sequence[set[bytes]], constraints: CandidateConstraints
) -> Array:
    """The candidates that are not taken. If there are none, a fallback point or repetitions."""
    new = untaken(candidates, taken)
    if (len(new) == 0 and space_size(space) > ENUMERABLE) or len(candidates) == 0:
        new = space.snap(space.encode(constraints.fallback())[None, :])
    if len(new) == 0:  # A small space is exhausted: repeat an observed point, and a pending one only as a last resort.
        new = untaken(candidates, taken[:1])
    return new if len(new) else candidates


def _within(settings: ProteinSettings, payable: float | None) -> ProteinSettings:
    """The settings with a cost cap of at most what is payable, so that candidates are sought among cheap points."""
    cap = settings.max_suggestion_cost
    if payable is None or payable <= 0 or (cap is not None and cap <= payable):
        return settings
    return replace(settings, max_suggestion_cost=payable)


def _payable_rows(models: Models, candidates: Array, payable: float | None) -> Array:
    """The candidates that are predicted to cost at most this much. Raises BudgetExhausted with the forecast."""
    if payable is None:
        return candidates
    within = candidates[models.payable(candidates, payable)]
    if len(within):
        return within
    upper = models.most_expensive(candidates)
    cheapest = int(np.argmin(upper))
    median = float(models.predict_cost(candidates[cheapest : cheapest + 1])[0])
    forecast = f"the cheapest run is predicted to cost {median:.3g}, with 90% probability at most {upper[cheapest]:.3g}"
    raise BudgetExhausted(f"{forecast}, but only {max(payable, 0.0):.3g} is left")


def draw_candidates(
    space: SearchSpace,
    settings: ProteinSettings,
    models: Models,
    cost_level: float | None,
    cost_limit: float | None,
    rng: np.random.Generator,
) -> Array:
    """Candidates (m, dim): the whole space if it is small, otherwise points spread over it and around good points."""
    if space_size(space) <= ENUMERABLE:
        return np.stack([space.encode(flat) for flat in space.enumerate(ENUMERABLE)])
    history = models.history
    front = front_rows(history)
    most = max(MAX_CELLS // (2 * space.dim), 64)
    if settings.acquisition == "protein":
        each = min(settings.suggestions_per_pareto, max(most // max(len(front), 1), 1))
        groups = [space.snap(box_samples(space, row, settings.global_search_scale, each, rng)) for row in front[:most]]
        return np.concatenate([*groups, spread(space, min(max(settings.random_suggestions // 4, 64), most), rng)])
    scored = np.flatnonzero(history.scored)
    by_score = scored[np.argsort(-history.utility[scored], kind="stable")]
    centers = [history.x[i] for i in by_score[:4]]
    if cost_level is not None:
        cheap = by_score[history.cost[by_score] <= math.exp(cost_level)]
        centers += [history.x[i] for i in cheap[:4]]
    if len(front) > 4:
        front = front[np.sort(rng.permutation(len(front))[:4])]
    centers += list(front)
    if cost_limit is not None and len(history):
        known = np.where(np.isfinite(history.cost), history.cost, np.inf)
        centers.append(history.x[int(np.argmin(known))])
    around = unique_rows(np.array(centers)) if centers else np.zeros((0, space.dim))
    # The defaults (1,024 and 256) give 384 + 12 x 32 candidates. More do not help, because the best are refined.
    global_rows = spread(space, min(max(settings.random_suggestions * 3 // 8, 32), most), rng)
    each = min(max(settings.suggestions_per_pareto // 8, 4), max(most // max(len(around), 1), 1))
    local_rows = perturb(space, np.clip(around, 0.0, 1.0), each, search_widths(space, settings), rng)
    return np.concatenate([global_rows, local_rows])


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


def allowed_rows(space: SearchSpace, rows: Array, constraints: CandidateConstraints) -> Array:
    """`rows` with every row that violates a constraint repaired, or removed if that is impossible."""
    if constraints.allowed is None or constraints.anchors is None or len(rows) == 0:
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
    for i, row in enumerate(rows):
        seen.setdefault(row_key(row), i)
    return rows[list(seen.values())]


def untaken(rows: Array, taken: Sequence[set[bytes]]) -> Array:
    """The `rows` that are not in any of the `taken` sets."""
    return rows[[not any(row_key(row) in keys for keys in taken) for row in rows]] if len(rows) else rows


def space_size(space: SearchSpace) -> float:
    """Number of distinct points, infinite with a continuous parameter."""
    return math.inf if space.cells is None else float(space.cells)
