"""One suggestion of the models: draw a level of cost, make candidates, value them, polish the best.

A pure function of (space, settings, models, pending, generator). Rows are points of the unit box (dim,).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from protein.acquisition import Acquisition, AncestralAcquisition
from protein.candidates import perturb, row_key, spread
from protein.history import History
from protein.models import Models
from protein.outcomes import draw_levels, nondominated
from protein.pareto import pareto_front
from protein.polish import polish
from protein.repair import repair
from protein.score_model import as_tensor, normals_for
from protein.settings import ProteinSettings
from protein.space import SearchSpace

Array = npt.NDArray[np.float64]

SHARE_AT_CAP = 0.8
"""Share of suggestions whose level of cost is the cap; the others draw it log-uniformly below."""
SHARE_UCB = 0.3
GROWTH = 1.0
"""The cap is this multiple of everything spent so far: the next run may at most double the bill."""
NOISE_ALLOWING_REPEATS = 0.1
"""Noise variance (of standardised scores) from which measuring a point again is worth a run."""
ENUMERABLE = 2048
"""Spaces of at most so many cells are searched whole."""
POLISHED = 4
MOST_CUT_SHORT = 256


@dataclass(frozen=True, slots=True)
class Chosen:
    """A suggestion and why: its row, the acquisition's value and kind, the level drawn (cost) and the cap's verdict."""

    row: Array
    params: Mapping[str, Any]
    value: float
    level: float | None
    over_max_cost: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a suggestion must satisfy.

    spare: a flat point that passes the constraints, where candidates run out; raises SearchSpaceInfeasible.
    allowed: whether flat parameters pass; None without constraints. anchors: rows (k, dim) that pass.
    """

    spare: Callable[[], Mapping[str, Any]]
    allowed: Callable[[Mapping[str, Any]], bool] | None = None
    anchors: Array | None = None


def propose(
    space: SearchSpace,
    settings: ProteinSettings,
    models: Models,
    pending: Array,
    rules: Rules,
    rng: np.random.Generator,
    fantasy_rng: np.random.Generator,
) -> Chosen:
    """The next point given pending rows (p, dim), which must be sorted."""
    acquisition, level, limit = draw_acquisition(settings, models, pending, rng, fantasy_rng)
    candidates = draw_candidates(space, settings, models, level, limit, rng)
    candidates = unique_rows(allowed_rows(space, candidates, rules))
    taken = [{row_key(r) for r in space.snap(pending)}, {row_key(r) for r in space.snap(models.history.x)}]
    if models.score.noise > NOISE_ALLOWING_REPEATS and space_size(space) > ENUMERABLE:
        taken.pop()
    fresh = untaken(candidates, taken)
    if (len(fresh) == 0 and space_size(space) > ENUMERABLE) or len(candidates) == 0:
        fresh = space.snap(space.encode(rules.spare())[None, :])
    if len(fresh) == 0:  # a small space is exhausted: the best point once more, a pending one last of all
        fresh = untaken(candidates, taken[:1])
    candidates = fresh if len(fresh) else candidates
    over = False
    if limit is not None:
        log_cost, _ = models.cost.predict(candidates)
        over = not (log_cost <= limit).any()
        candidates = candidates[log_cost <= (log_cost.min() + 1e-9 if over else limit)]
    values = acquisition.values(candidates)
    if isinstance(acquisition, Acquisition) and not over:
        order = np.argsort(-values, kind="stable")[:POLISHED]
        refined = polish(space, acquisition, candidates[order])
        refined = unique_rows(allowed_rows(space, refined, rules))
        refined = untaken(refined, taken)
        if limit is not None and len(refined):
            refined = refined[models.cost.predict(refined)[0] <= limit]
        if len(refined):
            candidates = np.concatenate([candidates, refined])
            values = np.concatenate([values, acquisition.values(refined)])
    best = int(np.argmax(values))
    row = candidates[best]
    kind = acquisition.kind if isinstance(acquisition, Acquisition) else "protein"
    return Chosen(row, space.decode(row), float(values[best]), _price(level), over, kind)


def draw_acquisition(
    settings: ProteinSettings,
    models: Models,
    pending: Array,
    rng: np.random.Generator,
    fantasy_rng: np.random.Generator,
) -> tuple[Acquisition | AncestralAcquisition, float | None, float | None]:
    """The acquisition of one suggestion, its level and the limit of max_suggestion_cost, both in log-cost or None."""
    history = models.history
    # a run cut short gave no score: count on nothing above the average there, or it would be tried again and again
    unscored = history.x[~history.scored & ~history.failed][:MOST_CUT_SHORT]
    waiting = np.concatenate([pending, unscored])
    ceiling = np.repeat([[np.inf], [0.0]], [len(pending), len(unscored)], axis=0)
    posterior, fantasies = models.score.with_pending(waiting, normals_for(len(waiting), fantasy_rng), ceiling)
    limit = None
    if settings.max_suggestion_cost is not None and models.cost.known:
        limit = math.log(settings.max_suggestion_cost) if settings.max_suggestion_cost > 0 else -math.inf
    log_costs, _ = models.cost.predict(history.x[history.scored])
    observed = np.log(np.maximum(history.cost[history.scored], 1e-300))
    log_costs = np.where(np.isfinite(observed), observed, log_costs)
    pending_costs, _ = models.cost.predict(pending)
    if settings.acquisition == "protein":
        low, high = (float(log_costs.min()), float(log_costs.max())) if len(log_costs) else (0.0, 0.0)
        target = (1 + settings.expansion_rate) * float(rng.random())
        if models.cost.constant:
            low = high = 0.0
        ancestral = AncestralAcquisition(posterior, models.cost, models.feasibility, target, low, high)
        return ancestral, (low + target * (high - low) if high > low else None), limit
    level = draw_level(models, pending_costs, settings.max_suggestion_cost, rng)
    levels = draw_outcome_levels(history, rng)
    kind = settings.acquisition
    if kind == "auto":
        kind = "ucb" if rng.random() < SHARE_UCB else "ei"
    z = models.score.z
    reached = history.outcomes.reach(levels)[history.scored]
    within = z[reached] if level is None else z[reached & (log_costs <= level)]
    incumbent = float(within.max()) if len(within) else float(z.min()) if len(z) else 0.0
    incumbents = np.full(fantasies.shape[1], incumbent)
    if len(pending):
        scores = fantasies[: len(pending)]
        if level is not None:
            scores = scores[pending_costs <= level]
        incumbents = np.maximum(incumbents, scores.max(axis=0, initial=-np.inf))
    if len(waiting) and not np.isfinite(incumbents).all():
        incumbents = np.full(fantasies.shape[1], incumbent)
    cost_counts = limit if not models.cost.constant else None
    outcomes = tuple(
        (model, model.standardise(float(wanted)))
        for model, wanted in zip(models.outcomes, levels, strict=True)
        if np.isfinite(wanted)
    )
    acquisition = Acquisition(
        posterior, models.cost, models.feasibility, as_tensor(incumbents), kind, level, cost_counts, outcomes
    )
    return acquisition, level, limit


def draw_outcome_levels(history: History, rng: np.random.Generator) -> Array:
    """Levels (k,) of the further outcomes for one suggestion, -inf where one plays no part."""
    if not history.outcomes.outcomes:
        return np.zeros(0)
    return draw_levels(history.outcomes, front_positions(history), rng)


def draw_level(models: Models, pending_costs: Array, max_cost: float | None, rng: np.random.Generator) -> float | None:
    """The level of log-cost to improve the front at, or None where the cost is unknown or constant.

    The cap follows what was spent so far, pending runs (log-costs, (p,)) included: cheap points first, dear ones once
    the budget has seen enough cheap ones. Its least value is the median cost observed.
    """
    first, second = rng.random(2)
    costs = models.history.cost[models.history.priced]
    if models.cost.constant or len(costs) == 0:
        return None
    waiting = float(np.exp(np.minimum(pending_costs, 700.0)).sum())
    cap = max(GROWTH * (models.history.spent + waiting), float(np.median(costs)))
    if max_cost is not None:
        cap = min(cap, max_cost)
    cheapest = float(costs[costs > 0].min(initial=math.inf))
    if not 0 < cheapest < cap < math.inf:
        return math.log(cap) if 0 < cap < math.inf else None
    if first < SHARE_AT_CAP:
        return math.log(cap)
    return math.log(cheapest) + float(second) * (math.log(cap) - math.log(cheapest))


def draw_candidates(
    space: SearchSpace,
    settings: ProteinSettings,
    models: Models,
    level: float | None,
    limit: float | None,
    rng: np.random.Generator,
) -> Array:
    """Candidates (m, dim): the whole space if it is small, else spread over it and around good points."""
    if space_size(space) <= ENUMERABLE:
        return np.stack([space.encode(flat) for flat in space.enumerate(ENUMERABLE)])
    history = models.history
    front = front_rows(history)
    if settings.acquisition == "protein":
        groups = [space.snap(box_samples(space, row, settings, rng)) for row in front]
        return np.concatenate([*groups, spread(space, max(settings.random_suggestions // 4, 64), rng)])
    scored = np.flatnonzero(history.scored)
    by_score = scored[np.argsort(-history.utility[scored], kind="stable")]
    centres = [history.x[i] for i in by_score[:4]]
    if level is not None:
        cheap = by_score[history.cost[by_score] <= math.exp(level)]
        centres += [history.x[i] for i in cheap[:4]]
    if len(front) > 4:
        front = front[np.sort(rng.permutation(len(front))[:4])]
    centres += list(front)
    if limit is not None and len(history):
        known = np.where(np.isfinite(history.cost), history.cost, np.inf)
        centres.append(history.x[int(np.argmin(known))])
    around = unique_rows(np.array(centres)) if centres else np.zeros((0, space.dim))
    # the defaults (1,024 and 256) make 384 + 12 x 32 candidates: more of them win nothing once the best are polished
    whole = spread(space, max(settings.random_suggestions * 3 // 8, 32), rng)
    each = max(settings.suggestions_per_pareto // 8, 4)
    near = perturb(space, np.clip(around, 0.0, 1.0), each, search_widths(space, settings), rng)
    return np.concatenate([whole, near])


def front_rows(history: History) -> Array:
    """The rows (k, dim) of the observed Pareto front; see `front_positions`."""
    return history.x[front_positions(history)]


def front_positions(history: History) -> npt.NDArray[np.int64]:
    """Positions of the observed Pareto front of score and cost, by rising cost; of a constant cost, the best row.

    With further objectives: of all of them, among the rows that reach every threshold (all rows, while none does).
    """
    if history.outcomes.outcomes:
        return _front_with_outcomes(history)
    points: Sequence[tuple[float | None, float | None]] = [
        (float(u), float(c)) if ok else (None, None)
        for u, c, ok in zip(history.utility, history.cost, history.scored, strict=True)
    ]
    return np.array(pareto_front(points, "maximize"), dtype=np.int64)


def _front_with_outcomes(history: History) -> npt.NDArray[np.int64]:
    fine = history.scored & history.outcomes.reach(history.outcomes.least)
    rows = np.flatnonzero(fine if fine.any() else history.scored)
    columns = [history.utility[rows, None], history.outcomes.objectives[rows]]
    if history.priced.any():
        columns.append(-history.cost[rows, None])
    return rows[nondominated(np.concatenate(columns, axis=1))].astype(np.int64)


def search_widths(space: SearchSpace, settings: ProteinSettings) -> Array:
    """Multipliers (dim,) of the perturbation distances: global_search_scale, and a numeric `scale` over its 0.5."""
    widths = np.full(space.dim, settings.global_search_scale)
    for j, column in enumerate(space.columns):
        scale = space.parameters[column.parameter].scale
        if isinstance(scale, int | float):
            widths[j] *= min(max(scale / 0.5, 0.1), 2.0)
    return widths


def box_samples(space: SearchSpace, row: Array, settings: ProteinSettings, rng: np.random.Generator) -> Array:
    """suggestions_per_pareto uniform samples in the box of half-width scale x global_search_scale around `row`."""
    low, high = space.box(row, settings.global_search_scale)
    return low + (high - low) * rng.random((settings.suggestions_per_pareto, space.dim))


def allowed_rows(space: SearchSpace, rows: Array, rules: Rules) -> Array:
    """`rows` with those that break a constraint repaired, or left out."""
    if rules.allowed is None or rules.anchors is None or len(rows) == 0:
        return rows
    kept = []
    for row in rows:
        passes = rules.allowed(space.decode(row))
        mended = row if passes else repair(space, row, rules.anchors, rules.allowed)
        if mended is not None:
            kept.append(mended)
    return np.array(kept) if kept else np.zeros((0, space.dim))


def unique_rows(rows: Array) -> Array:
    """`rows` without repetitions, the first of each kept in place."""
    seen: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        seen.setdefault(row_key(row), i)
    return rows[list(seen.values())]


def untaken(rows: Array, taken: Sequence[set[bytes]]) -> Array:
    """The `rows` that are in none of the `taken` sets."""
    return rows[[not any(row_key(row) in keys for keys in taken) for row in rows]] if len(rows) else rows


def space_size(space: SearchSpace) -> float:
    """Number of distinct points, infinite with a continuous parameter."""
    return math.inf if space.cells is None else float(space.cells)


def _price(level: float | None) -> float | None:
    return None if level is None else math.exp(min(level, 700.0))
