"""Slices and contours of the models: the posterior along one or two parameters.

The mean and the standard deviation are those of a Gaussian process posterior (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, equations 2.25 and 2.26). A slice is not an average over the other parameters: it
shows what happens to one configuration.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from protein.analysis.calibration import Z80
from protein.analysis.conformal import Calibrator, Interval
from protein.arrays import Array, Mask
from protein.explain.answers import Contour, Curves, Slice, Slices
from protein.models.cost import cost_of
from protein.models.model_set import MAX_PREDICTION, Models
from protein.searchspace.coordinates import Value, same
from protein.searchspace.parameters import Parameter
from protein.space import SearchSpace

Allowed = Callable[[Mapping[str, Any]], bool]


def curves(models: Models, calibrator: Calibrator, x: Array) -> Curves:
    """The models at rows of `x` (m, dim), without learning curves of running runs."""
    mean, sd = models.predict_score(x)
    low, high = _ends(calibrator.score, *models.forecast_score(x))
    log_cost, log_sd = models.forecast_log_cost(x)
    cost_low, cost_high = (cost_of(end) for end in _ends(calibrator.cost, log_cost, log_sd, math.inf))
    metrics = {}
    for (name, outcome), model in zip(models.history.outcomes.outcomes.items(), models.outcomes, strict=True):
        at, spread = model.predict(x)
        noise = math.sqrt(model.posterior.model.noise) * model.standardization.scale
        half = Z80 * np.hypot(spread, noise)
        metrics[name] = outcome.sign * at, outcome.sign * at - half, outcome.sign * at + half
    cost = cost_of(log_cost)
    return Curves(mean, sd, low, high, cost, cost_low, cost_high, models.feasibility.predict(x), metrics)


def _ends(interval: Interval, mean: Array, sd: Array, most: float = MAX_PREDICTION) -> tuple[Array, Array]:
    """The calibrated ends (m,) for means and standard deviations (m,) of the model."""
    center, spread = interval.calibrated(0.0, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        ends = (mean + (center + z * spread) * sd for z in (-Z80, Z80))
        low, high = (np.clip(end, -most, most) for end in ends)
    return low, high


def slices(
    space: SearchSpace,
    models: Models,
    calibrator: Calibrator,
    allowed: Allowed,
    at: Mapping[str, Value],
    names: Sequence[str],
    points: int,
) -> Slices:
    """One slice for each of `names` through the flat configuration `at`, all predicted together."""
    at = _within(space, at)
    grids, assumed, rows = {}, {}, []
    for name in names:
        grids[name] = grid(space, name, at.get(name), points)
        assumed[name] = _needed(space, name, at)
        rows += [_row(space, {**at, **assumed[name], name: value}) for value in grids[name]]
    found = curves(models, calibrator, np.array(rows).reshape(-1, space.dim))
    passes = _passing(space, rows, allowed)
    parts, start = {}, 0
    for name in names:
        part = slice(start, start + len(grids[name]))
        parts[name] = Slice(grids[name], found.part(part), passes[part], assumed[name])
        start = part.stop
    return Slices(at, parts)


def contour(
    space: SearchSpace,
    models: Models,
    allowed: Allowed,
    at: Mapping[str, Value],
    axes: tuple[str, str],
    points: int,
) -> Contour:
    """The contour over the parameters `axes` (x, y), the others as in the flat configuration `at`."""
    at = _within(space, at)
    x, y = axes
    x_values, y_values = grid(space, x, at.get(x), points), grid(space, y, at.get(y), points)
    base = {**at, **_needed(space, x, at), **_needed(space, y, at)}
    rows = [_row(space, {**base, x: a, y: b}) for b in y_values for a in x_values]
    table = np.array(rows)
    shape = len(y_values), len(x_values)
    mean, sd = models.predict_score(table)
    passes = _passing(space, rows, allowed)
    for i, row in enumerate(rows):
        passes[i] &= {x, y} <= space.decode(row).keys()
    cost = models.predict_cost(table)
    tables = (mean.reshape(shape), sd.reshape(shape), cost.reshape(shape), passes.reshape(shape))
    return Contour(x, y, x_values, y_values, *tables, at)


def grid(space: SearchSpace, name: str, value: Value | None, points: int) -> list[Value]:
    """At most `points` values of a parameter, evenly spread in its coordinate from end to end, and `value` too."""
    parameter = space.parameters[name]
    if parameter.coordinate is None:
        return list(parameter.values or ())
    cells = parameter.coordinate.cells
    if cells and len(cells) <= points:
        return list(cells)
    units = np.linspace(0.0, 1.0, points)
    values = [parameter.at(float(unit)) for unit in units]
    if value is not None and not any(same(value, known) for known in values):
        values.append(value)
    distinct = {parameter.coordinate.to_unit(v): v for v in values}
    return [distinct[unit] for unit in sorted(distinct)]


def _within(space: SearchSpace, at: Mapping[str, Any]) -> dict[str, Value]:
    """The configuration that runs: complete, within the bounds, on the grids."""
    runs = space.decode(_row(space, at))
    # a value of a continuous parameter may come back with another last bit
    kept = {n: p.typed(at[n]) for n, p in space.parameters.items() if n in at and n in runs and _continuous(p)}
    return {n: kept[n] if n in kept and space.parameters[n].inside(kept[n]) else value for n, value in runs.items()}


def _continuous(parameter: Parameter) -> bool:
    return parameter.coordinate is not None and not parameter.coordinate.cells


def _row(space: SearchSpace, flat: Mapping[str, Any]) -> Array:
    row: Array = space.snap(space.encode(space.complete(flat))[None, :])[0]
    return row


def _needed(space: SearchSpace, name: str, at: Mapping[str, Value]) -> dict[str, Value]:
    """What must differ from `at` so that the parameter is present."""
    when = space.parameters[name].when
    if when is None or any(same(at.get(when.parameter), value) for value in when.values):
        return {}
    return {when.parameter: space.parameters[when.parameter].typed(when.values[0])}


def _passing(space: SearchSpace, rows: Sequence[Array], allowed: Allowed) -> Mask:
    return np.array([allowed(space.decode(row)) for row in rows], dtype=bool)
