"""The SweepRun: one configuration, its attempts and its observation. It is the record and the reservation."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.limits import FailureClass
from sweep_operator.api.meta import Condition, ObjectMeta, find_condition
from sweep_operator.api.model import Model, Scalar, Time

Origin = Literal["center", "random", "sobol", "model", "resample", "manual", "imported", "fallback"]
Stage = Literal["train", "eval"]
MAX_ATTEMPTS = 32


class Prediction(Model):
    """What the optimizer expected when it proposed the run."""

    score: float | None = Field(default=None, description="Expected score.")
    score_low: float | None = Field(
        default=None,
        description="The score was expected to lie between scoreLow and scoreHigh with a probability of 80%, the noise "
        "of one measurement included. Only with origin model.",
    )
    score_high: float | None = Field(default=None, description="Upper end of that interval, see scoreLow.")
    cost: float | None = Field(default=None, description="Expected cost, in the Sweep's status.cost.unit.")
    cost_low: float | None = Field(
        default=None,
        description="The cost was expected to lie between costLow and costHigh with a probability of 80%, the noise of "
        "one measurement included. Only with origin model.",
    )
    cost_high: float | None = Field(default=None, description="Upper end of that interval, see costLow.")
    rating: float | None = Field(
        default=None, description="Value of the acquisition function, comparable within one suggestion only."
    )


class ImportedFailure(Model):
    """How a run failed that was made elsewhere."""

    class_: FailureClass = Field(
        alias="class", default="parameters", description="What is learned from it, as in status.failure.class."
    )
    reason: str = Field(default="Imported", min_length=1, max_length=256, description="Why, in one word for programs.")
    message: str = Field(default="", max_length=1024, description="Why, in words for people.")


class ImportedObservation(Model):
    """The result of a run that was made elsewhere: it is recorded and learned from, and nothing is run."""

    score: float | None = Field(default=None, description="The observed score. Absent: it failed.")
    cost: float | None = Field(
        default=None, ge=0, description="What it cost, in the Sweep's status.cost.unit. Absent: nobody knows."
    )
    metrics: dict[str, float] = Field(default={}, max_length=1024, description="Every metric of the result, by name.")
    failure: ImportedFailure | None = Field(default=None, description="How it failed. Absent: it has a score.")
    source: str | None = Field(
        default=None, max_length=1024, description="Where it comes from, for people: a run of another sweep, a file."
    )

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.score is None) == (self.failure is None):
            raise ValueError("needs exactly one of score and failure")
        return self


class SweepRunSpec(Model):
    """Immutable but ``stop``."""

    sweep_name: str = Field(
        min_length=1, max_length=40, description="The Sweep that it belongs to, in the same namespace. Immutable."
    )
    index: int | None = Field(
        default=None,
        ge=0,
        description="Number of the run, given by the operator. Leave it out of manual runs. Immutable.",
    )
    origin: Origin = Field(
        default="manual",
        description="Where the parameters come from: center (the search center), sobol or random (the start), model "
        "(the optimizer), resample (a point of the Pareto front again), fallback (random, since the optimizer failed), "
        "manual (a person), imported (run elsewhere, see observation). Immutable.",
    )
    parameters: dict[str, Scalar] = Field(
        default={},
        max_length=64,
        description="Value by dotted path. Those that a manual run leaves out take their search center; values outside "
        "the bounds are allowed. Immutable.",
    )
    prediction: Prediction | None = Field(
        default=None,
        description="What the optimizer expected when it proposed the run; absent without a model. Immutable.",
    )
    observation: ImportedObservation | None = Field(
        default=None,
        description="Result of a run that was made elsewhere, with origin imported: it is recorded and learned from, "
        "and nothing is run. `sweep import` makes such runs. Immutable.",
    )
    stop: bool = Field(
        default=False, description="true: end this run now (class stopped); nothing is learned from it. For good."
    )

    @model_validator(mode="after")
    def _imported(self) -> Self:
        if (self.observation is None) == (self.origin == "imported"):
            raise ValueError("observation: belongs to origin imported; write both or none")
        return self


class Attempt(Model):
    """One pod of one attempt; seconds are set per pod, never added."""

    n: int = Field(description="Number of the attempt, from 1; that of the Job.")
    pod_uid: str | None = Field(
        default=None, alias="podUID", description="The pod's uid; absent where several are merged."
    )
    seconds: float = Field(default=0.0, description="Seconds that its main container ran.")
    class_: Literal[FailureClass, "succeeded"] | None = Field(
        default=None,
        alias="class",
        description="How it ended: succeeded, or the class of its failure. Absent while it runs.",
    )


class StageStatus(Model):
    """Where a stage stands. ``attempt`` is a serial: it is raised before each Job."""

    job_name: str | None = Field(default=None, description="Job of the latest attempt.")
    attempt: int = Field(default=0, description="Number of the latest attempt; 0: none yet.")
    failures: int = Field(default=0, description="Attempts that failed. perRun.retries limits them.")
    preemptions: int = Field(
        default=0, description="Attempts that were preempted, evicted or lost with a node. perRun.retries limits them."
    )
    start_time: Time | None = Field(
        default=None,
        description="When the main container of the latest attempt started; deadlineSeconds counts from it.",
    )
    completion_time: Time | None = Field(default=None, description="When the main container of the last one ended.")
    seconds: float = Field(default=0.0, description="Seconds of the main containers of all attempts together.")
    exit_code: int | None = Field(default=None, description="Exit code of the last main container that ended.")
    node: str | None = Field(default=None, description="Node of the latest attempt's pod.")
    image_id: str | None = Field(
        default=None, alias="imageID", description="Image that ran, by digest, as the node reports it."
    )
    attempts: list[Attempt] = Field(
        default=[],
        description=f"Pods and how they ended, the oldest first. At most {MAX_ATTEMPTS}; older ones are merged.",
    )


class Failure(Model):
    """Why a run failed."""

    stage: Stage | None = Field(default=None, description="Stage that failed; absent where none had begun.")
    class_: FailureClass = Field(
        alias="class",
        description="parameters and crash: learned as infeasible. timeout: its seconds are a lower bound of the cost. "
        "eval, preempted, infrastructure, stopped: nothing is learned.",
    )
    reason: str = Field(description="Why, in one word for programs, such as OOMKilled or ResultMissing.")
    message: str = Field(default="", description="Why, in words for people, with what was found.")


class RunTracking(Model):
    """Whether the tracker has the run."""

    state: Literal["Delivered", "Offline", "Refused"] = Field(
        description="Delivered: the tracker has the result, as read back from it. Offline: it was written to local "
        "files. Refused: the tracker does not take this run, see error; it is tried again now and then."
    )
    run_id: str | None = Field(default=None, description="Id of the run in the tracker.")
    url: str | None = Field(default=None, description="Its page, to be opened in a browser; offline, its files.")
    error: str | None = Field(default=None, max_length=512, description="Why it is refused.")


class SweepRunStatus(Model):
    """The observed state of a run."""

    run_name: str | None = Field(
        default=None,
        description="Name of the run directory and in the tracker: <displayName>.r.<index>; a manual run's own name.",
    )
    seed: int | None = Field(
        default=None, description="What the program gets as $SWEEP_RUN_SEED, the same in every attempt."
    )
    fixed: dict[str, Scalar] | None = Field(
        default=None, description="spec.fixed of the Sweep when the run started; merged under the parameters."
    )
    parameters: dict[str, Scalar] | None = Field(
        default=None,
        description="What actually runs: spec.parameters, typed, a manual run's gaps filled with the search center.",
    )
    template_hash: str | None = Field(
        default=None,
        description="Template of all attempts: the ControllerRevision <sweep>-<templateHash>. Edits of the Sweep after "
        "the first attempt do not touch the run.",
    )
    train: StageStatus = Field(default=StageStatus(), description="The training: its attempts, times and node.")
    eval: StageStatus = Field(
        default=StageStatus(), description="The evaluation: its attempts, times and node. Empty without spec.eval."
    )
    score: float | None = Field(default=None, description="The observed score: the Sweep's metric of the final result.")
    cost: float | None = Field(
        default=None,
        description="What the result cost, in the Sweep's status.cost.unit; failed attempts count in the Sweep's spent "
        "alone.",
    )
    metrics: dict[str, float] = Field(default={}, description="Every metric that the results carried, by name.")
    checkpoint: str | None = Field(default=None, description="Where the program says that its checkpoint lies.")
    failure: Failure | None = Field(default=None, description="Why the run failed; absent otherwise.")
    tracking: RunTracking | None = Field(
        default=None, description="Whether the tracker has the run. Absent: not delivered yet; the Sweep says why."
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Succeeded: Unknown while the run waits or runs (its reason says what keeps it), then True with a "
        "score or False. TrainSucceeded and EvalSucceeded: the stages. Observed: whether the optimizer learns from it.",
    )


class SweepRun(Model):
    """A SweepRun object."""

    api_version: Literal["metta.ai/v1alpha1"] = "metta.ai/v1alpha1"
    kind: Literal["SweepRun"] = "SweepRun"
    metadata: ObjectMeta
    spec: SweepRunSpec = Field(description="What is run. Immutable but stop.")
    status: SweepRunStatus = Field(default=SweepRunStatus(), description="The observed state, written by the operator.")

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def succeeded(self) -> bool:
        """The run has its score."""
        return self._is("Succeeded", "True")

    @property
    def failed(self) -> bool:
        """The run ended without a score."""
        return self._is("Succeeded", "False")

    @property
    def imported(self) -> bool:
        """It was run elsewhere."""
        return self.spec.observation is not None

    @property
    def terminal(self) -> bool:
        """Nothing changes any more."""
        return self.succeeded or self.failed

    @property
    def delivered(self) -> bool:
        """The tracker has the result."""
        return self.status.tracking is not None and self.status.tracking.state == "Delivered"

    @property
    def parameters(self) -> dict[str, Scalar]:
        """What runs: the parameters in force, else the requested ones."""
        return self.spec.parameters if self.status.parameters is None else self.status.parameters

    def _is(self, type_: str, status: str) -> bool:
        condition = find_condition(self.status.conditions, type_)
        return condition is not None and condition.status == status
