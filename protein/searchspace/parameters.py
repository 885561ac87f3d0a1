"""One parameter of a search space: its configuration, checked, and its coordinate."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protein.searchspace import distributions as d
from protein.searchspace.distributions import Coordinate, Value

DISTRIBUTIONS = ("uniform", "int_uniform", "uniform_pow2", "log_normal", "logit_normal", "categorical")
AUTO_SCALE = 0.5
_KEYS = ("distribution", "min", "max", "mean", "scale", "step", "values", "ordered", "symmetric", "when")


class SpaceError(ValueError):
    """A parameter that cannot be searched. The message names it, the field, the value and the remedy."""


@dataclass(frozen=True)
class When:
    """The parameter is present only if another one has one of these values."""

    parameter: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``center``: where the search begins. ``coordinate`` None: an unordered categorical."""

    path: str
    distribution: str
    min: float | None = None
    max: float | None = None
    center: Value = 0.0
    scale: float | str = "auto"
    step: float | None = None
    values: tuple[Value, ...] | None = None
    when: When | None = None
    coordinate: Coordinate | None = field(default=None, repr=False, compare=False)

    @property
    def half_width(self) -> float:
        """Half-width of the search around a center, in [-1, 1]: auto 0.5; time one doubling; or a number."""
        if self.scale == "auto":
            return AUTO_SCALE
        if self.scale == "time":
            assert self.min is not None
            assert self.max is not None
            return 1.0 / (math.log2(self.max) - math.log2(self.min))
        return float(self.scale)

    @property
    def integer(self) -> bool:
        """Whether values are integers."""
        return self.distribution in ("int_uniform", "uniform_pow2")

    def normalize(self, value: Any) -> float:
        """Value to [-1, 1], monotonically. Not for an unordered categorical."""
        if self.coordinate is None:
            raise SpaceError(f"{self.path}: an unordered categorical has no coordinate")
        return 2.0 * self.coordinate.to_unit(value) - 1.0

    def unnormalize(self, place: float) -> Value:
        """[-1, 1] to a value within the bounds and on the grid; the center comes back exactly."""
        if self.coordinate is None:
            raise SpaceError(f"{self.path}: an unordered categorical has no coordinate")
        return self.at((place + 1.0) / 2.0)

    def at(self, unit: float) -> Value:
        """The value at a unit coordinate; the center and the ends come back exactly as they were written."""
        assert self.coordinate is not None
        if self.coordinate.levels == 0 and unit == self.coordinate.to_unit(self.center):
            return self.center
        return self.coordinate.from_unit(unit)

    def typed(self, value: Any) -> Value:
        """``value`` as this parameter's type. Raises SpaceError for another type; values out of bounds pass."""
        value = plain(value)
        if self.values is not None:
            for known in self.values:
                if d.same(known, value):
                    return known
            raise SpaceError(f"{self.path}: {value!r} is none of the values {list(self.values)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SpaceError(f"{self.path}: {value!r} is not a number; give one")
        if not math.isfinite(value):
            raise SpaceError(f"{self.path}: {value!r} is not finite; give a finite number")
        if self.integer:
            if not float(value).is_integer():
                raise SpaceError(f"{self.path}: {value!r} is not an integer; use {round(value)}")
            return int(value)
        return float(value)


def plain(value: Any) -> Any:
    """A numpy scalar as the Python value."""
    return value.item() if hasattr(value, "item") and not isinstance(value, (list, dict)) else value


def read_parameter(path: str, config: Mapping[str, Any]) -> Parameter:
    """A parameter from its configuration. Raises SpaceError."""
    for key in config:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            raise SpaceError(f"{path}.{key}: is unknown" + (f"; did you mean {near[0]}?" if near else ""))
    kind = config.get("distribution")
    if kind not in DISTRIBUTIONS:
        raise SpaceError(f"{path}.distribution: {kind!r} is unknown; use one of {', '.join(DISTRIBUTIONS)}")
    when = _when(path, config.get("when"))
    if kind == "categorical":
        return _categorical(path, config, when)
    return _numeric(path, kind, config, when)


def _when(path: str, config: Any) -> When | None:
    if config is None:
        return None
    if not isinstance(config, Mapping) or set(config) != {"parameter", "in"}:
        raise SpaceError(f"{path}.when: {config!r} must be {{parameter: name, in: [values]}}")
    values = config["in"]
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise SpaceError(f"{path}.when.in: {values!r} must be a list of values")
    return When(str(config["parameter"]), tuple(plain(v) for v in values))


def _categorical(path: str, config: Mapping[str, Any], when: When | None) -> Parameter:
    values = config.get("values")
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise SpaceError(f"{path}.values: {values!r} must be a list of values")
    listed: tuple[Value, ...] = tuple(plain(v) for v in values)
    for i, value in enumerate(listed):
        if not isinstance(value, (bool, int, float, str)):
            raise SpaceError(f"{path}.values[{i}]: {value!r} must be text, a number or a boolean")
        if any(d.same(value, other) for other in listed[:i]):
            raise SpaceError(f"{path}.values[{i}]: {value!r} is there twice; remove one")
    for key in ("min", "max", "step"):
        if config.get(key) is not None:
            raise SpaceError(f"{path}.{key}: {config[key]!r}: a categorical has values and no {key}; remove it")
    center = plain(config.get("mean"))
    if center is None:
        center = listed[0]
    elif not any(d.same(center, v) for v in listed):
        raise SpaceError(f"{path}.mean: {center!r} is none of the values {list(listed)}")
    coordinate = d.ordered(listed) if config.get("ordered") else None
    return Parameter(path, "categorical", center=center, values=listed, when=when, coordinate=coordinate)


def _numeric(path: str, kind: str, config: Mapping[str, Any], when: When | None) -> Parameter:
    for key in ("values", "ordered"):
        if config.get(key) is not None:
            raise SpaceError(f"{path}.{key}: {kind} has min and max and no {key}; remove it, or use categorical")
    low, high = number(path, "min", config.get("min")), number(path, "max", config.get("max"))
    if not low < high:
        raise SpaceError(f"{path}.min: {low:g} is not below max {high:g}; swap them or widen the range")
    if kind == "log_normal" and low <= 0:
        raise SpaceError(f"{path}.min: {low:g} is not above 0, as log_normal needs; use uniform or a small min")
    if kind == "logit_normal" and not 0 < low < high < 1:
        key, value = ("min", low) if low <= 0 else ("max", high)
        raise SpaceError(f"{path}.{key}: {value:g} is not strictly between 0 and 1, as logit_normal needs")
    mean = None if config.get("mean") is None else number(path, "mean", config["mean"])
    for key, bound in (("min", low), ("max", high), ("mean", mean)):
        if bound is None:
            continue
        if kind == "uniform_pow2" and not (bound >= 1 and bound.is_integer() and int(bound) & (int(bound) - 1) == 0):
            near = 2 ** max(0, round(math.log2(bound))) if bound > 0 else 1
            raise SpaceError(f"{path}.{key}: {bound:g} is not a power of two; use {near}")
        if kind == "int_uniform" and not bound.is_integer():
            raise SpaceError(f"{path}.{key}: {bound:g} is not an integer; use {round(bound)}, or uniform")
    if mean is not None and not low <= mean <= high:
        raise SpaceError(f"{path}.mean: {mean:g} is outside [{low:g}, {high:g}]; move it inside")
    step = _step(path, kind, config.get("step"), low, high)
    coordinate = _coordinate(kind, low, high, step, symmetric=bool(config.get("symmetric")))
    if config.get("symmetric") is not None and kind != "logit_normal":
        raise SpaceError(f"{path}.symmetric: is for logit_normal, not {kind}; remove it")
    center: Value
    if mean is None:
        center = coordinate.from_unit(0.5)
    elif kind in ("int_uniform", "uniform_pow2"):
        center = int(mean)
    else:
        center = mean
    if mean is not None and coordinate.levels and step is not None:
        center = coordinate.from_unit(coordinate.to_unit(mean))
    return Parameter(
        path, kind, low, high, center, _scale(path, kind, config.get("scale", "auto")), step, None, when, coordinate
    )


def _coordinate(kind: str, low: float, high: float, step: float | None, *, symmetric: bool) -> Coordinate:
    if kind == "uniform":
        return d.uniform(low, high) if step is None else d.stepped(low, high, step, integer=False)
    if kind == "int_uniform":
        return d.stepped(int(low), int(high), int(step or 1), integer=True)
    if kind == "uniform_pow2":
        return d.powers_of_two(int(low), int(high))
    if kind == "log_normal":
        return d.log_uniform(low, high)
    return d.logit_symmetric(low, high) if symmetric else d.logit_near_one(low, high)


def _step(path: str, kind: str, value: Any, low: float, high: float) -> float | None:
    if value is None:
        return None
    step = number(path, "step", value)
    if kind not in ("uniform", "int_uniform"):
        raise SpaceError(f"{path}.step: {step:g}: {kind} takes no step; use uniform or int_uniform")
    if not 0 < step <= (high - low) * (1 + 1e-9):  # 0.3 - 0.1 is a little less than 0.2
        raise SpaceError(f"{path}.step: {step:g} is not above 0 and at most max - min = {high - low:g}")
    if kind == "int_uniform" and not step.is_integer():
        raise SpaceError(f"{path}.step: {step:g} is not an integer; use {max(1, round(step))}, or uniform")
    return step


def _scale(path: str, kind: str, value: Any) -> float | str:
    if value == "auto" or value is None:
        return "auto"
    if value == "time":
        if kind not in ("log_normal", "uniform_pow2"):
            raise SpaceError(
                f"{path}.scale: 'time' is for log_normal and uniform_pow2, not {kind}; use auto or a number"
            )
        return "time"
    scale = number(path, "scale", value)
    if scale <= 0:
        raise SpaceError(f"{path}.scale: {scale:g} is not above 0; use auto, time or a number such as 0.5")
    return scale


def number(path: str, key: str, value: Any) -> float:
    """A finite float; text such as "1e-5", which YAML 1.1 parsers make of the number, counts as the number."""
    value = plain(value)
    if value is None:
        raise SpaceError(f"{path}.{key}: is missing; add it")
    try:
        if isinstance(value, bool):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        hint = "auto, time or a number" if key == "scale" else "a number"
        raise SpaceError(f"{path}.{key}: {value!r} is not a number; use {hint}") from None
    if not math.isfinite(result):
        raise SpaceError(f"{path}.{key}: {value!r} is not finite; use a finite number")
    return result
