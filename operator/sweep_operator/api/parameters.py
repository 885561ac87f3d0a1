"""``spec.parameters``: one distribution per dotted path, checked by the rules of `protein.searchspace`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from protein.searchspace import conditions
from protein.searchspace.distributions import (
    DISTRIBUTIONS,
    Distribution,
    Table,
    listed,
    names_with,
)
from protein.searchspace.parameters import Parameter, SpaceError, read_parameter, typed
from sweep_operator.api.model import Model, Scalar


def distribution_schema(rows: Table = DISTRIBUTIONS) -> dict[str, Any]:
    """The values of ``distribution`` in the JSON schema, and so in the CRD."""
    return {"enum": list(rows)}


def distribution_description(rows: Table = DISTRIBUTIONS) -> str:
    """The description of ``distribution``."""
    spreads = "; ".join(f"{row.name}, {row.spread}" for row in rows.values())
    return f"How values are spread between min and max: {spreads}. Immutable."


class When(Model):
    """A parameter is present only if another one has one of these values."""

    parameter: str = Field(min_length=1, max_length=256)
    """Path of a categorical or integer parameter that has no `when` of its own."""
    in_: list[Scalar] = Field(alias="in", min_length=1, max_length=64)
    """The values that activate it."""


class ParameterSpec(Model):
    """How one hyperparameter is searched."""

    distribution: str = Field(json_schema_extra=distribution_schema(), description=distribution_description())
    min: float | None = None
    """Smallest value, inclusive. Not for categorical."""
    max: float | None = None
    """Largest value, inclusive. Not for categorical."""
    mean: Scalar | None = None
    """Search center: the first run uses it, and manual runs use it for parameters that they do not name. Default: the
    middle of the transformed range; the first value of a categorical."""
    scale: Annotated[float, Field(gt=0)] | Literal["auto", "time"] = Field(
        default="auto",
        description="Half-width of the search around a good point, where the whole range is 2: a number; auto, 0.5; "
        "or time, one doubling of the value (numbers).",
    )
    step: float | None = Field(
        default=None,
        gt=0,
        description=f"Distance between neighboring values, counted from min ({listed(names_with('step'))}). "
        "Without it, any value is possible.",
    )
    values: list[Scalar] | None = Field(default=None, min_length=1, max_length=64)
    """The values of a categorical. Immutable."""
    ordered: bool | None = None
    """true: the values of a categorical are in a meaningful order. Default: false."""
    symmetric: bool | None = None
    """true: a logit_normal is fine-grained at both ends, by log(x/(1-x)). false: near 1 only, by log(1-x). Default:
    false."""
    when: When | None = None
    """The parameter is present only if another one has one of these values. Immutable."""
    prior_weight: float | None = Field(default=None, ge=0, le=1)
    """Weight of `mean` in the initial design, from 0 to 1. Default: protein.priorWeight."""

    @field_validator("mean", "min", "max", "step", mode="before")
    @classmethod
    def _plain_number(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                return value
            remedy = f"write {number!r} without quotes" if math.isfinite(number) else "write a finite number"
            raise ValueError(f"is the text {value!r}, not a number; {remedy}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            self.parameter("")
        except SpaceError as error:
            raise ValueError(f"{error.field}: {error.text}" if error.field else error.text) from None
        return self

    @property
    def row(self) -> Distribution:
        """The distribution's row of the table."""
        return DISTRIBUTIONS[self.distribution]

    def parameter(self, path: str) -> Parameter:
        """The parameter of a search space."""
        return read_parameter(path, self.model_dump(by_alias=True, exclude_none=True))


def parameters_of(specs: Mapping[str, ParameterSpec]) -> dict[str, Parameter]:
    """The parameters of a search space, by path."""
    return {path: spec.parameter(path) for path, spec in specs.items()}


def typed_value(spec: ParameterSpec, value: Scalar) -> Scalar:
    """``value`` in its distribution's type. Raises ValueError when the value has another type."""
    return typed(value, spec.row, spec.values)


def search_center(specs: Mapping[str, ParameterSpec]) -> dict[str, Scalar]:
    """Default values of a run's parameters. Inactive conditional parameters are absent."""
    return conditions.center(parameters_of(specs))


def check_parameters(specs: dict[str, ParameterSpec]) -> None:
    """Check the rules between parameters. Raises ValueError naming the path."""
    try:
        conditions.check_parameters(parameters_of(specs))
    except SpaceError as error:
        field = f".{error.field}" if error.field else ""
        raise ValueError(f"[{error.path}]{field}: {error.text}") from None
    by_env: dict[str, str] = {}
    for path in specs:
        name = env_name(path)
        if name in by_env:
            raise ValueError(f"[{path}]: has the same environment variable {name} as {by_env[name]!r}; rename one")
        by_env[name] = path


def env_name(path: str) -> str:
    """``trainer.batch-size`` -> ``SWEEP_PARAM_TRAINER__BATCH_SIZE``."""
    return "SWEEP_PARAM_" + path.replace(".", "__").replace("-", "_").upper()
