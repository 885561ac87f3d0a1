"""The SweepRun: one configuration, its attempts and its observation. It is the record and the reservation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sweep_operator.api.limits import FailureClass
from sweep_operator.api.meta import Condition, ObjectMeta, find_condition
from sweep_operator.api.model import Model, Scalar, Time

Origin = Literal["center", "random", "sobol", "model", "resample", "manual", "fallback"]
Stage = Literal["train", "eval"]
MAX_ATTEMPTS = 32


class Prediction(Model):
    """What the optimizer expected when it proposed the run."""

    score: float | None = None
    cost: float | None = None
    rating: float | None = None


class SweepRunSpec(Model):
    """Immutable but ``stop``."""

    sweep_name: str = Field(min_length=1, max_length=40, description="The Sweep it belongs to.")
    index: int | None = Field(default=None, ge=0, description="Absent for manual runs.")
    origin: Origin = Field(default="manual", description="Where the parameters come from.")
    parameters: dict[str, Scalar] = Field(default={}, max_length=64, description="Dotted path to value.")
    prediction: Prediction | None = None
    stop: bool = Field(default=False, description="End this run now.")


class Attempt(Model):
    """One pod of one attempt; seconds are set per pod, never added."""

    n: int
    pod_uid: str | None = Field(default=None, alias="podUID")
    seconds: float = 0.0
    class_: Literal[FailureClass, "succeeded"] | None = Field(default=None, alias="class")


class StageStatus(Model):
    """Where a stage stands. ``attempt`` is a serial: it is raised before each Job."""

    job_name: str | None = None
    attempt: int = 0
    failures: int = 0
    preemptions: int = 0
    start_time: Time | None = None
    completion_time: Time | None = None
    seconds: float = 0.0
    exit_code: int | None = None
    node: str | None = None
    image_id: str | None = Field(default=None, alias="imageID")
    attempts: list[Attempt] = []


class Failure(Model):
    """Why a run failed."""

    stage: Stage | None = None
    class_: FailureClass = Field(alias="class")
    reason: str
    message: str = ""


class RunTracking(Model):
    """Whether the tracker has the run."""

    delivered: bool = False
    run_id: str | None = None
    message: str | None = None


class SweepRunStatus(Model):
    """The observed state of a run."""

    run_name: str | None = None
    seed: int | None = None
    fixed: dict[str, Scalar] | None = None
    parameters: dict[str, Scalar] | None = None
    """What actually runs: spec.parameters, typed, a manual run's gaps filled with the search centre."""
    template_hash: str | None = None
    train: StageStatus = StageStatus()
    eval: StageStatus = StageStatus()
    score: float | None = None
    cost: float | None = None
    metrics: dict[str, float] = {}
    checkpoint: str | None = None
    failure: Failure | None = None
    tracking: RunTracking | None = None
    conditions: list[Condition] = []


class SweepRun(Model):
    """A SweepRun object."""

    api_version: Literal["metta.ai/v1alpha1"] = "metta.ai/v1alpha1"
    kind: Literal["SweepRun"] = "SweepRun"
    metadata: ObjectMeta
    spec: SweepRunSpec
    status: SweepRunStatus = SweepRunStatus()

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
    def terminal(self) -> bool:
        """Nothing changes any more."""
        return self.succeeded or self.failed

    @property
    def parameters(self) -> dict[str, Scalar]:
        """What runs: the parameters in force, else the requested ones."""
        return self.spec.parameters if self.status.parameters is None else self.status.parameters

    def _is(self, type_: str, status: str) -> bool:
        condition = find_condition(self.status.conditions, type_)
        return condition is not None and condition.status == status
