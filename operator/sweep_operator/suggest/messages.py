"""What the operator and the optimizer's process say to each other: one JSON document per line."""

from __future__ import annotations

from typing import Literal

from sweep_operator.api.model import JsonObject, Model, Scalar
from sweep_operator.api.parameters import ParameterSpec
from sweep_operator.api.sweep import Constraint, Sweep
from sweep_operator.api.sweeprun import Origin, Prediction
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.exchange.observation import JsonObservation

RULES_SECONDS = 10.0
"""CPU time of all constraints in one request."""
RULES_TOO_SLOW = f"the evaluation of spec.constraints took more than {RULES_SECONDS:g} s for one request; simplify them"


class Question(Model):
    """Everything that a suggestion is a function of."""

    method: Literal["bayes", "random", "sobol"]
    parameters: dict[str, ParameterSpec]
    settings: JsonObject
    constraints: list[Constraint]
    fixed: dict[str, Scalar]
    goal: Literal["maximize", "minimize"]
    seed: int
    observations: list[JsonObservation]
    pending: list[dict[str, Scalar]]
    index: int
    count: int


class Proposal(Model):
    """One suggestion."""

    index: int
    parameters: dict[str, Scalar]
    origin: Origin
    prediction: Prediction | None = None


class Answer(Model):
    """The suggestions, or that there can be none, or what went wrong."""

    proposals: list[Proposal] = []
    infeasible: str | None = None
    error: str | None = None
    seconds: float = 0.0


def question(sweep: Sweep, request: SuggestRequest) -> Question:
    """The request in full."""
    spec = sweep.spec
    return Question(
        method=spec.method,
        parameters=spec.parameters,
        settings=spec.protein.to_json(),
        constraints=spec.constraints,
        fixed=spec.fixed,
        goal=spec.goal,
        seed=sweep.seed,
        observations=[JsonObservation.of(observation) for observation in request.observations],
        pending=list(request.pending),
        index=request.index,
        count=request.count,
    )
