"""The types of the arguments and results of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from protein.curves import Curve
from protein.searchspace.parameters import plain

Flat = Mapping[str, Any]
Constraint = Callable[[Flat], bool]
"""Returns whether a flat configuration is valid."""
Goal = Literal["maximize", "minimize"]
Origin = Literal["center", "random", "sobol", "model", "resample", "fallback"]


class SearchSpaceInfeasible(ValueError):
    """No configuration passes the constraints."""


@dataclass(frozen=True)
class Observation:
    """One finished run. A failure has no score. Other runs without a score have only a lower bound of the cost."""

    params: Flat
    score: float | None = None
    cost: float | None = None
    is_failure: bool = False
    cost_is_lower_bound: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Finite values of additional outcomes by name."""
    curve: Curve = ()
    """What the run reported before its end. Empty for a failure."""


def make_observation(
    params: Flat,
    score: float | None,
    cost: float | None,
    *,
    is_failure: bool,
    cost_is_lower_bound: bool,
    metrics: Mapping[str, Any] | None = None,
    curve: Curve = (),
) -> Observation:
    """A validated observation. A non-finite score is a failure. A cost that is not finite and positive is unknown.

    Raises ValueError without a score, unless the run failed or the cost is a lower bound.
    """
    number = _number("score", score)
    if number is not None and not math.isfinite(number):
        number, is_failure = None, True
    cost_value = _number("cost", cost)
    if cost_value is not None and not (math.isfinite(cost_value) and cost_value > 0):
        cost_value = None
    if number is None and not cost_is_lower_bound and not is_failure:
        raise ValueError("score: is missing; give one, or is_failure=True, or cost_is_lower_bound=True for a timeout")
    if is_failure:
        number = None
    found = {name: _number(f"metrics[{name!r}]", value) for name, value in (metrics or {}).items()}
    finite = {} if is_failure else {n: v for n, v in found.items() if v is not None and math.isfinite(v)}
    censored = cost_is_lower_bound and cost_value is not None
    return Observation(dict(params), number, cost_value, is_failure, censored, finite, () if is_failure else curve)


@dataclass(frozen=True)
class SuggestionInfo:
    """Origin of a suggestion and predictions for it, in the user's units and direction. None without a model."""

    origin: Origin
    score: float | None = None
    cost: float | None = None
    rating: float | None = None
    """The acquisition's value."""
    over_max_cost: bool = False
    """No candidate has a predicted cost below max_suggestion_cost; this is the cheapest one."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, details merged in."""
        values = asdict(self)
        values.pop("details")
        return {**values, **dict(self.details)}


def _number(name: str, value: Any) -> float | None:
    value = plain(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name}: {value!r} is not a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf
