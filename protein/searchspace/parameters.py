"""One parameter of a search space: its configuration, checked, and its coordinate."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from protein.searchspace import coordinates
from protein.searchspace.coordinates import Coordinate, Value, same
from protein.searchspace.distributions import (
    CHOICE_FIELDS,
    DISTRIBUTIONS,
    NUMERIC_FIELDS,
    Distribution,
    Range,
    Table,
    listed,
    names_with,
)

AUTO_SCALE = 0.5
_ONLY_FOR_SOME = (*NUMERIC_FIELDS, "step", "symmetric", *CHOICE_FIELDS)
_KEYS = (
    *("distribution", *NUMERIC_FIELDS, "mean", "scale", "step", *CHOICE_FIELDS, "symmetric", "when"),
    *("prior_weight", "priorWeight"),
)


class SpaceError(ValueError):
    """A parameter that cannot be searched. The message names the parameter, the field, the value and the remedy.

    ``text`` is the message without ``path`` (of the parameter) and ``field``, for callers that name these differently.
    """

    def __init__(self, text: str, path: str = "", field: str = "") -> None:
        super().__init__(text, path, field)
        self.text, self.path, self.field = text, path, field

    def __str__(self) -> str:
        place = ".".join(part for part in (self.path, self.field) if part)
        return f"{place}: {self.text}" if place else self.text


@dataclass(frozen=True)
class When:
    """The parameter is present only if another one has one of these values."""

    parameter: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``center`` is where the search begins. ``coordinate`` is None for an unordered categorical."""

    path: str
    row: Distribution = field(repr=False)
    min: float | None = None
    max: float | None = None
    center: Value = 0.0
    scale: float | str = "auto"
    step: float | None = None
    values: tuple[Value, ...] | None = None
    when: When | None = None
    coordinate: Coordinate | None = field(default=None, repr=False, compare=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What it was read from."""
    prior_weight: float | None = None
    """Weight of the center in the initial design, from 0 to 1. None: that of the settings."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The coordinate holds functions, which cannot be pickled; the configuration can.
        return read_parameter, (self.path, dict(self.config))

    @property
    def distribution(self) -> str:
        """Name of the distribution."""
        return self.row.name

    @property
    def half_width(self) -> float:
        """Half-width of the search around a center, in [-1, 1]: auto 0.5; time one doubling; or a number."""
        if self.scale == "auto":
            return AUTO_SCALE
        if self.scale == "time":
            assert self.coordinate is not None
            center = float(self.center)
            return self.coordinate.to_unit(center * math.sqrt(2)) - self.coordinate.to_unit(center / math.sqrt(2))
        return float(self.scale)

    @property
    def integer(self) -> bool:
        """Whether values are integers."""
        return self.row.kind == "integer"

    def normalize(self, value: Any) -> float:
        """Value to [-1, 1], monotonically. Raises SpaceError for an unordered categorical."""
        if self.coordinate is None:
            raise SpaceError("an unordered categorical has no coordinate", self.path)
        return 2.0 * self.coordinate.to_unit(value) - 1.0

    def unnormalize(self, place: float) -> Value:
        """[-1, 1] to a value within the bounds and on the grid; the center comes back exactly."""
        if self.coordinate is None:
            raise SpaceError("an unordered categorical has no coordinate", self.path)
        return self.at((place + 1.0) / 2.0)

    def at(self, unit: float) -> Value:
        """The value at a unit coordinate; the center and the ends come back exactly as they were written."""
        assert self.coordinate is not None
        if not self.coordinate.cells and unit == self.coordinate.to_unit(self.center):
            return self.center
        return self.coordinate.from_unit(unit)

    def typed(self, value: Any) -> Value:
        """``value`` as this parameter's type. Raises SpaceError for another type; values out of bounds pass."""
        return typed(value, self.row, self.values, self.path)

    def inside(self, value: Any) -> bool:
        """Whether a value lies within the bounds; a listed value always does."""
        return self.min is None or self.max is None or self.min <= float(value) <= self.max


def typed(value: Any, row: Distribution, values: Sequence[Value] | None = None, path: str = "") -> Value:
    """``value`` in the type of the distribution: JSON turns 1.0 into 1, so the JSON type is not used.

    Raises SpaceError for another type: text instead of a number, 1.5 instead of an integer, an unlisted choice.
    """
    value = plain(value)
    if row.kind == "choice":
        for known in values or ():
            if same(known, value):
                return known
        raise SpaceError(f"{value!r} is not one of the values {list(values or ())}", path)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SpaceError(f"{value!r} is not a number, as {row.name} needs; give a number", path)
    if not _finite(value):
        raise SpaceError(f"{_shortened(value)} is not finite; give a finite number", path)
    if row.kind == "integer":
        if not float(value).is_integer():
            raise SpaceError(f"{value!r} is not an integer, as {row.name} needs; use {round(value)}", path)
        return int(value)
    return float(value)


def plain(value: Any) -> Any:
    """A numpy scalar as the Python value."""
    return value.item() if hasattr(value, "item") and not isinstance(value, (list, dict)) else value


def read_parameter(path: str, config: Mapping[str, Any], rows: Table = DISTRIBUTIONS) -> Parameter:
    """A parameter from its configuration. Raises SpaceError."""
    for key in config:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known fields are {', '.join(_KEYS)}"
            raise SpaceError(f"unknown field{hint}", path, str(key))
    row = rows.get(str(config.get("distribution")))
    if row is None:
        unknown = config.get("distribution")
        raise SpaceError(f"{unknown!r} is unknown; use one of {', '.join(rows)}", path, "distribution")
    for key in _ONLY_FOR_SOME:
        if config.get(key) is not None and key not in row.fields:
            raise SpaceError(f"is for {listed(names_with(key, rows))}, not {row.name}; remove it", path, key)
    when = _when(path, config.get("when"))
    read = _choice if row.kind == "choice" else _numeric
    weight = config.get("prior_weight", config.get("priorWeight"))
    if weight is None:
        return read(path, row, config, when, rows)
    return replace(read(path, row, config, when, rows), prior_weight=_weight(path, weight))


def _weight(path: str, value: Any) -> float:
    weight = number(path, "prior_weight", value)
    if not 0 <= weight <= 1:
        raise SpaceError(
            f"{weight:g} is not between 0 and 1; use 0 to ignore the center, 1 to stay at it", path, "prior_weight"
        )
    return weight


def _when(path: str, config: Any) -> When | None:
    if config is None:
        return None
    if not isinstance(config, Mapping) or set(config) != {"parameter", "in"}:
        raise SpaceError(f"{config!r} must be {{parameter: name, in: [values]}}", path, "when")
    return When(str(config["parameter"]), _listed_values(path, "when.in", config["in"]))


def _listed_values(path: str, key: str, values: Any) -> tuple[Value, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise SpaceError(f"{values!r} must be a list of values; write [a, b]", path, key)
    return tuple(plain(v) for v in values)


def _choice(path: str, row: Distribution, config: Mapping[str, Any], when: When | None, rows: Table) -> Parameter:
    values = _listed_values(path, "values", config.get("values"))
    for i, value in enumerate(values):
        if not isinstance(value, (bool, int, float, str)):
            raise SpaceError(f"{value!r} must be text, a number or a boolean", path, f"values[{i}]")
        if any(same(value, other) for other in values[:i]):
            raise SpaceError(f"{value!r} is listed twice; remove one", path, "values")
    center = plain(config.get("mean"))
    if center is None:
        center = values[0]
    elif not any(same(center, v) for v in values):
        raise SpaceError(f"{center!r} is not one of the values {list(values)}", path, "mean")
    coordinate = coordinates.ordered(values) if config.get("ordered") else None
    _scale(path, row, config.get("scale"))  # checked like everywhere; the search around a choice has no width
    return Parameter(path, row, center=center, values=values, when=when, coordinate=coordinate, config=config)


def _numeric(path: str, row: Distribution, config: Mapping[str, Any], when: When | None, rows: Table) -> Parameter:
    low, high = number(path, "min", config.get("min")), number(path, "max", config.get("max"))
    if not low < high:
        raise SpaceError(f"{low:g} is not below max {high:g}; swap them or widen the range", path, "min")
    mean = None if config.get("mean") is None else number(path, "mean", config["mean"])
    step = None if config.get("step") is None else number(path, "step", config["step"])
    given = {"min": low, "max": high, "mean": mean, "step": step}
    for requirement in row.requirements:
        for key in requirement.fields:
            value = given[key]
            if value is not None and not requirement.holds(value):
                raise SpaceError(requirement.problem(row.name, value), path, key)
    if mean is not None and not low <= mean <= high:
        raise SpaceError(f"{mean:g} is outside [{low:g}, {high:g}]; move it inside", path, "mean")
    if step is not None and not 0 < step <= (high - low) * (1 + 1e-9):  # 0.3 - 0.1 is a little less than 0.2
        raise SpaceError(f"{step:g} is not above 0 and at most max - min = {high - low:g}", path, "step")
    assert row.coordinate is not None
    coordinate = row.coordinate(Range(low, high, step, bool(config.get("symmetric"))))
    scale = _scale(path, row, config.get("scale"))
    center = _center(row, coordinate, mean, step)
    if scale == "time" and (low < 0 or float(center) <= 0):
        raise SpaceError("time needs a min of at least 0 and a mean above 0; use auto or a number", path, "scale")
    return Parameter(path, row, low, high, center, scale, step, None, when, coordinate, config)


def _center(row: Distribution, coordinate: Coordinate, mean: float | None, step: float | None) -> Value:
    """``mean`` on the grid; without one the middle of the coordinate."""
    if mean is None:
        return coordinate.from_unit(0.5)
    if coordinate.cells and step is not None:
        return coordinate.from_unit(coordinate.to_unit(mean))
    return int(mean) if row.kind == "integer" else mean


def _scale(path: str, row: Distribution, value: Any) -> float | str:
    if value == "auto" or value is None:
        return "auto"
    if value == "time":
        if row.kind == "choice":
            raise SpaceError(f"time is for numbers, not {row.name}; remove it", path, "scale")
        return "time"
    scale = number(path, "scale", value)
    if scale <= 0:
        raise SpaceError(f"{scale:g} is not above 0; use auto, time or a number such as 0.5", path, "scale")
    return scale


def number(path: str, key: str, value: Any) -> float:
    """A finite float. Text such as "1e-5", which YAML 1.1 parsers make of the number, counts as the number."""
    value = plain(value)
    if value is None:
        raise SpaceError("is missing; add it", path, key)
    try:
        if isinstance(value, bool):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        hint = "auto, time or a number" if key == "scale" else "a number"
        raise SpaceError(f"{value!r} is not a number; use {hint}", path, key) from None
    except OverflowError:  # an integer beyond all doubles
        result = math.inf
    if not math.isfinite(result):
        raise SpaceError(f"{_shortened(value)} is not finite; use a finite number", path, key)
    return result


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all doubles
        return False


def _shortened(value: float) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
