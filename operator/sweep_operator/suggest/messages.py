"""What the operator and the optimizer's processes say to each other: one JSON document per line.

A question is answered by one line per suggestion, as soon as it is known. The last line has ``end``. A line that
arrives meanwhile (``Interrupt``) ends the answer after the suggestion that is being computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field

from sweep_operator.api.model import JsonObject, Model, Scalar
from sweep_operator.api.optimizer import ProteinSpec
from sweep_operator.api.parameters import ParameterSpec
from sweep_operator.api.suggestion import BudgetLeft, Prediction
from sweep_operator.api.sweep import Constraint, Objective, Sweep
from sweep_operator.api.sweeprun import Origin
from sweep_operator.decide.plan import EarlierObservations, LearnedPoint, SuggestRequest
from sweep_operator.exchange.observation import JsonObservation
from sweep_operator.views.page.explanations import (
    AskContour,
    AskImportance,
    AskOutlook,
    AskPredict,
    AskSlices,
    Predicted,
)

MEMORY = "SWEEP_OPTIMIZER_MEMORY"
"""Environment variable with the memory limit of a process in bytes."""
RULES_SECONDS = 2.0
"""CPU time of all constraints in one request."""
RULES_TOO_SLOW = f"the evaluation of spec.constraints took more than {RULES_SECONDS:g} s for one request; simplify them"


class Proposal(Model):
    """One suggestion."""

    index: int
    parameters: dict[str, Scalar]
    origin: Origin
    prediction: Prediction | None = None
    digest: str = ""
    """SHA-256 of everything that the suggestion was computed from."""


class RunningCurve(Model):
    """What a run without a result has reported."""

    parameters: dict[str, Scalar]
    curve: tuple[LearnedPoint, ...]


class AskFacts(Model):
    """What explains the suggestion that the question asks for, whose parameters these are?"""

    what: Literal["facts"] = "facts"
    parameters: dict[str, Scalar]


class AskMeans(Model):
    """What is the posterior mean of the score at these configurations?"""

    what: Literal["means"] = "means"
    points: list[dict[str, Scalar]]


Explain = Annotated[
    AskImportance | AskSlices | AskContour | AskOutlook | AskPredict | AskFacts | AskMeans, Field(discriminator="what")
]


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
    earlier: EarlierObservations | None = None
    """The observations of the warm start."""
    left: BudgetLeft | None = None
    min_gain: float | None = None
    """spec.stopping. It does not change suggestions."""
    outcomes: list[Objective] | None = None
    """spec.objectives after the first."""
    running: list[RunningCurve] | None = None
    """Those of the pending runs that have reported; None without any."""
    comparable: bool | None = None
    """False: reports of different runs cannot be compared."""
    forecasts: bool = False
    """Forecast the runs in ``running``, instead of suggesting anything."""
    explain: Explain | None = None
    """Answer this question about the model, instead of suggesting anything."""
    light: bool = False
    """End the answer where a suggestion needs a model: this process must not import torch."""

    def after(self, proposals: Sequence[Proposal]) -> Self:
        """The rest of the question."""
        count = len(proposals)
        pending = [*self.pending, *(p.parameters for p in proposals)]
        return self.with_(index=self.index + count, count=self.count - count, pending=pending)

    @property
    def may_need_no_model(self) -> bool:
        """Whether to ask the light process first; that decides."""
        settings = ProteinSpec.model_validate(self.settings)
        known = len(self.observations) + (self.earlier.count if self.earlier is not None else 0)
        return self.method != "bayes" or known < max(1, settings.design_size(len(self.parameters)))


class Interrupt(Model):
    """End the current answer after the suggestion that is being computed."""

    interrupt: Literal[True] = True


class Prepare(Model):
    """Import what a model needs, before the first question."""

    prepare: Literal[True] = True


class RunForecast(Model):
    """The forecast of one run in ``running``, in their order."""

    score: float
    low: float
    high: float
    probability: float
    needed: float | None = None
    remaining_cost: float | None = None
    learned_from: int


class KnownRun(Model):
    """A result that the optimizer knew, or its parameters only."""

    parameters: dict[str, Scalar]
    score: float | None = None
    cost: float | None = None
    distance: float = 0.0
    """In the unit box, from the run that is explained."""


class WhyFacts(Model):
    """What the parent process makes the answer to AskWhy from: it knows the names of the runs."""

    proposal: Proposal
    acquisition: str | None = None
    cost_power: float | None = None
    source_weights: dict[str, float] = {}
    """By position in spec.warmStart.from."""
    nearest: KnownRun | None = None
    best: KnownRun | None = None
    distances: dict[str, float] = {}
    """From the best run, by parameter, as a share of its range."""
    predicted: Predicted


class Means(Model):
    """Posterior means, in the order of the points."""

    means: list[float]


class Answer(Model):
    """One suggestion, some forecasts, or that there can be none, or what went wrong."""

    proposal: Proposal | None = None
    forecasts: list[RunForecast] = []
    explanation: JsonObject | None = None
    """The answer to the question about the model, by the type that the question has."""
    infeasible: str | None = None
    unpayable: str | None = None
    unworthy: str | None = None
    error: str | None = None
    source_weights: dict[int, float] | None = None
    """By position in spec.warmStart.from; None if no model was used, or without a warm start."""
    seconds: float = 0.0
    end: Literal["complete", "interrupted", "model"] | None = None
    """model: the rest needs a model."""


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
        outcomes=spec.objectives[1:] or None,
        running=[RunningCurve(parameters=r.parameters, curve=r.curve) for r in request.pending if r.curve] or None,
        comparable=False if spec.train.reports is not None and spec.train.reports.comparable is False else None,
        seed=sweep.seed,
        observations=[JsonObservation.of(observation) for observation in request.observations],
        earlier=request.earlier if request.earlier.count else None,
        pending=[run.parameters for run in request.pending],
        index=request.index,
        count=request.count,
        left=request.left,
        min_gain=spec.min_gain,
    )
