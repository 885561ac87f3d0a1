"""The table of distributions: one row holds everything that the project knows about one of them.

Validation, the CRD's enum and CEL rules, encoding, the form that Weights & Biases shows, the page's axis and the docs
are derived from the rows, by functions that take the table as an argument. A new distribution is a new row here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from protein.searchspace import coordinates
from protein.searchspace.coordinates import Coordinate

Axis = Literal["linear", "log2", "log10", "logit"]
CHOICE_FIELDS = ("values", "ordered")
"""Fields of distributions over listed values."""
NUMERIC_FIELDS = ("min", "max")
"""Fields of all other distributions, which need both."""


@dataclass(frozen=True)
class Requirement:
    """A condition on some numbers of a distribution. ``cel`` is the condition in CEL, with ``{}`` for the number."""

    fields: tuple[str, ...]
    """Of min, max, mean and step."""
    holds: Callable[[float], bool]
    cel: str
    words: str
    """Completes "must be ..."."""
    instead: str = ""
    """Completes "use ...": what to do where the number cannot be changed."""
    nearest: Callable[[float], int] | None = None
    """The closest number that holds, for the message."""

    def problem(self, distribution: str, value: float) -> str:
        """The error message for ``value``."""
        if self.nearest is None:
            return f"{value:g} is not {self.words}, as {distribution} needs; use {self.instead}"
        alternative = f", or {self.instead}" if self.instead else ""
        return f"{value:g} is not {self.words}; use {self.nearest(value)}{alternative}"


class Range(NamedTuple):
    """The numbers that a coordinate is made from."""

    low: float
    high: float
    step: float | None
    symmetric: bool


@dataclass(frozen=True)
class Distribution:
    """One row."""

    name: str
    spread: str
    """How the values are spread, for descriptions."""
    coordinate_words: str
    """The coordinate in which the values are uniform, for the docs."""
    use: str
    """What it is for, for the docs."""
    kind: Literal["float", "integer", "choice"]
    """Type of the values. A choice lists its ``values``; the others have ``min`` and ``max``."""
    coordinate: Callable[[Range], Coordinate] | None = None
    """None for a choice."""
    requirements: tuple[Requirement, ...] = ()
    takes: tuple[Literal["step", "symmetric"], ...] = ()
    """Optional fields."""
    axis: Axis = "linear"
    """Axis of the page and of the report. logit: by log(x/(1-x)), which is fine-grained at both ends."""
    wandb: str | None = None
    """W&B's distribution with the same bounds; None where W&B gets the list of values."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The optional fields that the distribution takes, besides mean, scale and when."""
        return CHOICE_FIELDS if self.kind == "choice" else (*NUMERIC_FIELDS, *self.takes)


Table = Mapping[str, Distribution]


def is_power_of_two(value: float) -> bool:
    """Whether ``value`` is 1, 2, 4, ... Fractions such as 0.5 are not."""
    return value >= 1 and float(value).is_integer() and int(value) & (int(value) - 1) == 0


_POWERS = ", ".join(f"{float(2**n)!r}" for n in range(41))


def _integer(fractions: str) -> Requirement:
    """All numbers are integers; ``fractions`` names the distribution for other numbers."""
    return Requirement(
        ("min", "max", "mean", "step"),
        lambda v: float(v).is_integer(),
        "double(int({0})) == {0}",
        "an integer",
        f"{fractions} for fractions",
        round,
    )


_POWER_OF_TWO = Requirement(
    ("min", "max", "mean"),
    is_power_of_two,
    f"{{0}} in [{_POWERS}]",
    "a power of two",
    nearest=lambda v: int(2 ** max(0, round(math.log2(v)))) if v > 0 else 1,
)
_POSITIVE = Requirement(("min",), lambda v: v > 0, "{0} > 0.0", "above 0", "uniform or a small min")
_AT_LEAST_ONE = Requirement(("min",), lambda v: v >= 1, "{0} >= 1.0", "at least 1", "int_uniform or a min of 1")
_ABOVE_ZERO = Requirement(("min",), lambda v: v > 0, "{0} > 0.0", "above 0", "a small min")
_BELOW_ONE = Requirement(("max",), lambda v: v < 1, "{0} < 1.0", "below 1", "a max just below 1")


def _uniform(r: Range) -> Coordinate:
    return (
        coordinates.uniform(r.low, r.high)
        if r.step is None
        else coordinates.stepped(r.low, r.high, r.step, integer=False)
    )


def table(rows: Sequence[Distribution]) -> Table:
    """The rows by name, in their order."""
    return {row.name: row for row in rows}


DISTRIBUTIONS: Table = table(
    (
        Distribution(
            "uniform",
            spread="evenly",
            coordinate_words="x; `step` puts it on a grid from `min`",
            use="a quantity that varies within one order of magnitude",
            kind="float",
            coordinate=_uniform,
            takes=("step",),
            wandb="uniform",
        ),
        Distribution(
            "int_uniform",
            spread="whole numbers",
            coordinate_words="x; `step` puts it on a grid from `min`",
            use="a depth, a number of layers",
            kind="integer",
            coordinate=lambda r: coordinates.stepped(int(r.low), int(r.high), int(r.step or 1), integer=True),
            requirements=(_integer("uniform"),),
            takes=("step",),
            wandb="int_uniform",
        ),
        Distribution(
            "uniform_pow2",
            spread="powers of two",
            coordinate_words="log2 x, on the powers of two",
            use="a batch size, a width",
            kind="integer",
            coordinate=lambda r: coordinates.powers_of_two(int(r.low), int(r.high)),
            requirements=(_POWER_OF_TWO,),
            axis="log2",
        ),
        Distribution(
            "log_normal",
            spread="evenly in the logarithm",
            coordinate_words="log x",
            use="a rate, a coefficient: orders of magnitude",
            kind="float",
            coordinate=lambda r: coordinates.log_uniform(r.low, r.high),
            requirements=(_POSITIVE,),
            axis="log10",
            wandb="log_uniform_values",
        ),
        Distribution(
            "int_log_normal",
            spread="whole numbers, evenly in the logarithm",
            coordinate_words="log x, rounded in log x; `step` puts it on a grid from `min`",
            use="a number of steps, epochs or samples: integers over orders of magnitude",
            kind="integer",
            coordinate=lambda r: coordinates.LogGrid(int(r.low), int(r.high), int(r.step or 1)),
            requirements=(_AT_LEAST_ONE, _integer("log_normal")),
            takes=("step",),
            axis="log10",
            wandb="q_log_uniform_values",
        ),
        Distribution(
            "logit_normal",
            spread="finely near 1 (discounts, momentum)",
            coordinate_words="-log(1 - x); with `symmetric: true` log(x / (1 - x))",
            use="a discount, a momentum: close to 1",
            kind="float",
            coordinate=lambda r: (
                coordinates.logit_symmetric(r.low, r.high) if r.symmetric else coordinates.logit_near_one(r.low, r.high)
            ),
            requirements=(_ABOVE_ZERO, _BELOW_ONE),
            takes=("symmetric",),
            axis="logit",
            wandb="uniform",
        ),
        Distribution(
            "categorical",
            spread="one of values",
            coordinate_words="one coordinate per value, or one for all if `ordered: true`",
            use="a choice among listed values",
            kind="choice",
        ),
    )
)
"""The shipped distributions."""


def names_with(field: str, rows: Table = DISTRIBUTIONS) -> list[str]:
    """Names of the distributions that take a field."""
    return [name for name, row in rows.items() if field in row.fields]


def names_of_kind(*kinds: str, rows: Table = DISTRIBUTIONS) -> list[str]:
    """Names of the distributions whose values are of one of the kinds."""
    return [name for name, row in rows.items() if row.kind in kinds]


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
