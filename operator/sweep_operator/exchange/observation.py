"""The JSON form of an observation: in messages between processes, and in a stored warm start."""

from __future__ import annotations

from typing import Self

from sweep_operator.api.model import Model, Scalar
from sweep_operator.decide.plan import Observation


class JsonObservation(Model):
    """An observation as JSON."""

    parameters: dict[str, Scalar]
    score: float | None = None
    cost: float | None = None
    is_failure: bool = False
    cost_is_lower_bound: bool = False

    @classmethod
    def of(cls, observation: Observation) -> Self:
        """Convert an observation."""
        return cls(
            parameters=observation.parameters,
            score=observation.score,
            cost=observation.cost,
            is_failure=observation.is_failure,
            cost_is_lower_bound=observation.cost_is_lower_bound,
        )

    def to_line(self) -> bytes:
        """One line of a file of JSON lines."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"

    @property
    def observation(self) -> Observation:
        """Convert it back."""
        return Observation(self.parameters, self.score, self.cost, self.is_failure, self.cost_is_lower_bound)
