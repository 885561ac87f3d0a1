"""``spec.parameters``: one distribution per dotted path, with the rules that the CRD states in CEL."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sweep_operator.api.model import Model, Scalar

Distribution = Literal["uniform", "int_uniform", "uniform_pow2", "log_normal", "logit_normal", "categorical"]
PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*")
_NUMERIC = ("min", "max", "mean")


def is_power_of_two(value: float) -> bool:
    """Whether ``value`` is 1, 2, 4, ... (a fraction such as 0.5 is none)."""
    return value >= 1 and float(value).is_integer() and int(value) & (int(value) - 1) == 0


class When(Model):
    """A parameter is present only if another one has one of these values."""

    parameter: str = Field(
        min_length=1,
        max_length=256,
        description="Path of a categorical or integer parameter that has no `when` of its own.",
    )
    in_: list[Scalar] = Field(alias="in", min_length=1, max_length=64, description="The values that activate it.")


class ParameterSpec(Model):
    """How one hyperparameter is searched."""

    distribution: Distribution = Field(
        description="How values are spread between min and max: uniform; int_uniform, whole numbers; uniform_pow2, "
        "powers of two; log_normal, evenly in the logarithm; logit_normal, finely near 1 (discounts, momentum); "
        "categorical, one of values. Immutable."
    )
    min: float | None = Field(default=None, description="Smallest value, inclusive. Not for categorical.")
    max: float | None = Field(default=None, description="Largest value, inclusive. Not for categorical.")
    mean: Scalar | None = Field(
        default=None,
        description="Search center: tried first, and taken where a manual run names no value. Default: the middle of "
        "the transformed range; a categorical's first value.",
    )
    scale: Annotated[float, Field(gt=0)] | Literal["auto", "time"] = Field(
        default="auto",
        description="Half-width of the search around a good point, where the whole range is 2: a number; auto, 0.5; "
        "or time, one doubling of the value (log_normal and uniform_pow2).",
    )
    step: float | None = Field(
        default=None,
        gt=0,
        description="Distance of the values from each other, counted from min (uniform and int_uniform). Absent: any "
        "value.",
    )
    values: list[Scalar] | None = Field(
        default=None, min_length=1, max_length=64, description="What a categorical may be. Immutable."
    )
    ordered: bool | None = Field(
        default=None, description="true: the order of a categorical's values means something. Default: false."
    )
    symmetric: bool | None = Field(
        default=None,
        description="true: a logit_normal is fine at both ends, by log(x/(1-x)), not near 1 alone, by log(1-x). "
        "Default: false.",
    )
    when: When | None = Field(
        default=None, description="The parameter is present only if another one has one of these values. Immutable."
    )

    @field_validator("mean", "min", "max", "step", mode="before")
    @classmethod
    def _plain_number(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                return value
            raise ValueError(f"is the text {value!r}, not a number; write {number!r} without quotes")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.distribution == "categorical":
            self._check_categorical()
        else:
            self._check_numeric()
        return self

    def _check_categorical(self) -> None:
        if not self.values:
            raise ValueError("a categorical needs values; add values: [a, b]")
        if len({(type(v) is bool, v) for v in self.values}) < len(self.values):
            raise ValueError(f"values: {self.values} has a value twice; remove one")
        given = [name for name in (*_NUMERIC[:2], "step") if getattr(self, name) is not None]
        if given:
            raise ValueError(f"{given[0]}: a categorical has values and no {given[0]}; remove it")
        if self.mean is not None and self.mean not in self.values:
            raise ValueError(f"mean: {self.mean!r} is none of the values {self.values}")

    def _check_numeric(self) -> None:
        kind = self.distribution
        for name in ("values", "ordered"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}: {kind} has min and max and no {name}; remove it, or use categorical")
        for name in ("min", "max"):
            if getattr(self, name) is None:
                raise ValueError(f"{name}: {kind} needs min and max; add {name}")
        assert self.min is not None
        assert self.max is not None
        if isinstance(self.mean, (str, bool)):
            raise ValueError(f"mean: {self.mean!r} is not a number")
        if not self.min < self.max:
            raise ValueError(f"min: {self.min:g} is not below max {self.max:g}; swap them or widen the range")
        if self.mean is not None and not self.min <= self.mean <= self.max:
            raise ValueError(f"mean: {self.mean:g} is outside [{self.min:g}, {self.max:g}]; move it inside")
        if kind == "log_normal" and self.min <= 0:
            raise ValueError(f"min: {self.min:g} is not above 0, as log_normal needs; use uniform or a small min")
        if kind == "logit_normal" and (self.min <= 0 or self.max >= 1):
            which, value = ("min", self.min) if self.min <= 0 else ("max", self.max)
            raise ValueError(f"{which}: {value:g} is not strictly between 0 and 1, as logit_normal needs")
        for name in _NUMERIC:
            value = getattr(self, name)
            if value is None:
                continue
            if kind == "uniform_pow2" and not is_power_of_two(value):
                near = 2 ** max(0, round(math.log2(value))) if value > 0 else 1
                raise ValueError(f"{name}: {value:g} is not a power of two; use {near}")
            if kind == "int_uniform" and not float(value).is_integer():
                raise ValueError(f"{name}: {value:g} is not an integer; use {round(value)}, or uniform")
        if self.step is not None:
            if kind not in ("uniform", "int_uniform"):
                raise ValueError(f"step: {kind} takes no step; use uniform or int_uniform")
            if kind == "int_uniform" and not self.step.is_integer():
                raise ValueError(f"step: {self.step:g} is not an integer; use {max(1, round(self.step))}, or uniform")
            if self.step > (self.max - self.min) * (1 + 1e-9):  # 0.3 - 0.1 is a little less than 0.2
                raise ValueError(f"step: {self.step:g} is wider than the range [{self.min:g}, {self.max:g}]")
        if self.scale == "time" and kind not in ("log_normal", "uniform_pow2"):
            raise ValueError(f"scale: time is for log_normal and uniform_pow2, not {kind}; use auto or a number")
        if self.symmetric is not None and kind != "logit_normal":
            raise ValueError(f"symmetric: is for logit_normal, not {kind}; remove it")

    @property
    def is_integer(self) -> bool:
        """Whether values are integers."""
        return self.distribution in ("int_uniform", "uniform_pow2")


def typed_value(spec: ParameterSpec, value: Scalar) -> Scalar:
    """``value`` as its distribution's type: JSON turns 1.0 into 1, so the form on the wire says nothing.

    Raises ValueError when the value has another type (a word for a number, 1.5 for an integer).
    """
    if spec.distribution == "categorical":
        for known in spec.values or []:
            if known == value and isinstance(known, (bool, str)) == isinstance(value, (bool, str)):
                return known
        raise ValueError(f"{value!r} is none of the values {spec.values}")
    if isinstance(value, (bool, str)):
        raise ValueError(f"{value!r} is not a number, as {spec.distribution} needs")
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an integer that is no double
        finite = False
    if not finite:
        raise ValueError(f"{_shortened(value)} is not finite")
    if spec.is_integer:
        if not float(value).is_integer():
            raise ValueError(f"{value!r} is not an integer, as {spec.distribution} needs")
        return int(value)
    return float(value)


def _shortened(value: float) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def check_parameters(parameters: dict[str, ParameterSpec]) -> None:
    """The rules between parameters. Raises ValueError naming the path."""
    by_env: dict[str, str] = {}
    for path in parameters:
        if not PATH.fullmatch(path):
            raise ValueError(f"[{path}]: is not a dotted path of names such as trainer.optimizer.learning_rate")
        for other in parameters:
            if other.startswith(path + "."):
                raise ValueError(f"[{path}]: is the beginning of {other!r}; one of them cannot be set")
        name = env_name(path)
        if name in by_env:
            raise ValueError(f"[{path}]: has the same environment variable {name} as {by_env[name]!r}; rename one")
        by_env[name] = path
    for path, spec in parameters.items():
        if spec.when is not None:
            _check_when(path, spec.when, parameters)


def _check_when(path: str, when: When, parameters: dict[str, ParameterSpec]) -> None:
    where = f"[{path}].when"
    parent = parameters.get(when.parameter)
    if parent is None:
        raise ValueError(f"{where}.parameter: {when.parameter!r} is no parameter; name one of {sorted(parameters)}")
    if when.parameter == path:
        raise ValueError(f"{where}.parameter: {path!r} cannot depend on itself")
    if parent.when is not None:
        raise ValueError(f"{where}.parameter: {when.parameter!r} is conditional itself; chains are not supported")
    if parent.distribution != "categorical" and not parent.is_integer:
        raise ValueError(f"{where}.parameter: {when.parameter!r} is neither categorical nor an integer")
    for value in when.in_:
        try:
            typed = typed_value(parent, value)
        except ValueError as error:
            raise ValueError(f"{where}.in: {error}") from None
        if parent.is_integer:
            assert parent.min is not None
            assert parent.max is not None
            if not parent.min <= float(typed) <= parent.max:
                raise ValueError(f"{where}.in: {value!r} is outside [{parent.min:g}, {parent.max:g}]")


def env_name(path: str) -> str:
    """``trainer.batch-size`` -> ``SWEEP_PARAM_TRAINER__BATCH_SIZE``."""
    return "SWEEP_PARAM_" + path.replace(".", "__").replace("-", "_").upper()
