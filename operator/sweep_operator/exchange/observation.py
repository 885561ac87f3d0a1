"""The JSON form of an observation: in messages between processes, and in a stored warm start."""

from __future__ import annotations

from dataclasses import fields
from typing import Self

from protein.analysis.conformal import Side
from sweep_operator.api.model import Model, Scalar
from sweep_operator.decide.plan import Observation, ToldPoint


class JsonObservation(Model):
    """An observation as JSON."""

    parameters: dict[str, Scalar]
    score: float | None = None
    cost: float | None = None
    is_failure: bool = False
    cost_is_lower_bound: bool = False
    score_side: Side | None = None
    cost_side: Side | None = None
    metrics: dict[str, float] | None = None
    curve: tuple[ToldPoint, ...] | None = None

    @classmethod
    def of(cls, observation: Observation) -> Self:
        """Convert an observation."""
        return cls(**{field.name: getattr(observation, field.name) for field in fields(observation)})

    def to_line(self) -> bytes:
        """One line of a file of JSON lines."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"

    @property
    def observation(self) -> Observation:
        """Convert it back."""
        return Observation(**dict(self))
