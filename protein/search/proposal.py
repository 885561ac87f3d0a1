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

from protein.models.model_set import Models
from protein.search.acquisition import Acquisition
from protein.search.candidates import perturb, row_key, spread
from protein.search.cost_level import draw_acquisition
from protein.search.observed_front import front_rows
from protein.search.refinement import polish
from protein.search.repair import repair
from protein.settings import ProteinSettings
from protein.space import SearchSpace

Array = npt.NDArray[np.float64]

NOISE_ALLOWING_REPEATS = 0.1
"""Noise variance (of standardized scores) from which measuring a point again is worth a run."""
ENUMERABLE = 2048
"""Spaces of at most so many cells are searched whole."""
POLISHED = 4


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
    centers = [history.x[i] for i in by_score[:4]]
    if level is not None:
        cheap = by_score[history.cost[by_score] <= math.exp(level)]
        centers += [history.x[i] for i in cheap[:4]]
    if len(front) > 4:
        front = front[np.sort(rng.permutation(len(front))[:4])]
    centers += list(front)
    if limit is not None and len(history):
        known = np.where(np.isfinite(history.cost), history.cost, np.inf)
        centers.append(history.x[int(np.argmin(known))])
    around = unique_rows(np.array(centers)) if centers else np.zeros((0, space.dim))
    # the defaults (1,024 and 256) make 384 + 12 x 32 candidates: more of them win nothing once the best are polished
    whole = spread(space, max(settings.random_suggestions * 3 // 8, 32), rng)
    each = max(settings.suggestions_per_pareto // 8, 4)
    near = perturb(space, np.clip(around, 0.0, 1.0), each, search_widths(space, settings), rng)
    return np.concatenate([whole, near])


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
