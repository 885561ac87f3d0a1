"""The SweepRun: one configuration, its attempts and its observation. It is the record and the reservation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.early_stopping import Verdict
from sweep_operator.api.failures import PRUNED, AttemptEnd, FailureName, learned_text
from sweep_operator.api.meta import Condition, ObjectMeta, find_condition
from sweep_operator.api.model import OPEN, Model, Scalar, Time, VisibleText
from sweep_operator.api.progress import MAX_POINTS, CurvePoint, Progress
from sweep_operator.api.suggestion import Prediction, Provenance

Origin = Annotated[Literal["center", "random", "sobol", "model", "resample", "manual", "imported", "fallback"], OPEN]
Stage = Literal["train", "eval"]
STAGES: tuple[Stage, ...] = ("train", "eval")
MAX_ATTEMPTS = 32


class ImportedFailure(Model):
    """How an imported run failed."""

    class_: FailureName = Field(alias="class", default="parameters")
    """Failure class; it decides what is learned, as in status.failure.class."""
    reason: str = Field(default="Imported", min_length=1, max_length=256)
    """Machine-readable reason, one word."""
    message: str = Field(default="", max_length=1024)
    """Human-readable message."""


class ImportedObservation(Model):
    """The result of an imported run. The operator records it and the optimizer learns from it; no Job is created."""

    score: float | None = None
    """The observed score. Absent if the run failed."""
    cost: float | None = Field(default=None, ge=0)
    """What it cost, in the Sweep's status.cost.unit. Absent if unknown."""
    metrics: dict[str, float] = Field(default={}, max_length=1024)
    """Every metric of the result, by name."""
    failure: ImportedFailure | None = None
    """How it failed. Absent if it has a score."""
    source: str | None = Field(default=None, max_length=1024)
    """Human-readable origin: a run of another sweep, or a file."""
    index: int | None = Field(default=None, ge=0)
    """Number of the run in the sweep that it comes from."""
    created: Time | None = None
    """When the run was created where it comes from."""

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.score is None) == (self.failure is None):
            raise ValueError("needs exactly one of score and failure")
        return self


class SweepRunSpec(Model):
    """The configuration of a run. Only ``stop`` can be changed."""

    sweep_name: str = Field(min_length=1, max_length=40)
    """Name of the Sweep that the run belongs to, in the same namespace. Immutable."""
    index: int | None = Field(default=None, ge=0)
    """Number of the run, assigned by the operator. Omit it in manual runs. Immutable."""
    origin: Origin = "manual"
    """Where the parameters come from: center (the search center), sobol or random (the initial design), model (the
    optimizer), resample (repeats a Pareto-optimal run), fallback (random, because the optimizer failed), manual
    (created by a user), imported (run elsewhere, see observation). Immutable."""
    parameters: dict[str, Scalar] = Field(default={}, max_length=64)
    """Value by dotted path. Parameters omitted in a manual run take their search center. Values outside the bounds are
    allowed. Immutable."""
    prediction: Prediction | None = None
    """What the optimizer expected when it proposed the run; absent without a model. Immutable."""
    provenance: Provenance | None = None
    """What the optimizer computed the parameters from. Absent for other runs and for origin fallback. Immutable."""
    observation: ImportedObservation | None = None
    """Result of a run that was executed elsewhere; needs origin imported. The operator records it and creates no Job.
    `sweep import` creates such runs. Immutable."""
    stop: bool = False
    """Set to true to end this run now (class stopped). Nothing is learned from it. Cannot be undone."""

    @model_validator(mode="after")
    def _imported(self) -> Self:
        if (self.observation is None) == (self.origin == "imported"):
            raise ValueError("observation: belongs to origin imported; set both or neither")
        return self


class Attempt(Model):
    """One pod of one attempt; seconds are set per pod, never added."""

    n: int
    """Number of the attempt, from 1; that of the Job."""
    pod_uid: str | None = Field(default=None, alias="podUID")
    """The pod's uid; absent if several pods are merged."""
    pod_name: str | None = None
    """The pod's name, by which logging systems find its log after it was deleted."""
    node: str | None = None
    """Node that the pod was assigned to."""
    seconds: float = 0.0
    """Seconds that its main container ran."""
    scheduled_time: Time | None = None
    """When its pod was assigned to a node. Absent: it was not, or the node does not report it."""
    start_time: Time | None = None
    """When its main container started. Absent: it did not start, or several pods are merged."""
    class_: AttemptEnd | None = Field(default=None, alias="class")
    """succeeded, or the failure class. Absent while it runs."""


class StageStatus(Model):
    """State of a stage. ``attempt`` is a serial number, raised before each Job."""

    job_name: str | None = None
    """Job of the latest attempt."""
    attempt: int = 0
    """Number of the latest attempt; 0 before the first."""
    failures: int = 0
    """Attempts that failed. perRun.retries limits them."""
    preemptions: int = 0
    """Attempts that were preempted, evicted or lost with a node. perRun.retries limits them."""
    start_time: Time | None = None
    """When the main container of the latest attempt started; deadlineSeconds counts from it."""
    scheduled_time: Time | None = None
    """When the pod of the latest attempt was assigned to a node, written with startTime."""
    completion_time: Time | None = None
    """When the main container of the latest attempt ended."""
    seconds: float = 0.0
    """Total seconds of the main containers of all attempts."""
    exit_code: int | None = None
    """Exit code of the last main container that ended."""
    node: str | None = None
    """Node of the latest attempt's pod."""
    pod_name: str | None = None
    """Name of the latest attempt's pod."""
    image_id: str | None = Field(default=None, alias="imageID")
    """Digest of the image that ran, as reported by the node."""
    attempts: list[Attempt] = Field(
        default=[],
        description=f"Pods and how they ended, oldest first. At most {MAX_ATTEMPTS}; older ones are merged.",
    )

    def node_of(self, attempt: Attempt) -> str | None:
        """Node of the attempt's pod. Earlier versions recorded only that of the latest attempt."""
        return attempt.node or (self.node if attempt.n == self.attempt else None)


class Failure(Model):
    """Why a run failed."""

    stage: Stage | None = None
    """Stage that failed; absent if no stage had started."""
    class_: FailureName = Field(alias="class", description=f"Class of the failure. {learned_text()}")
    reason: VisibleText
    """Machine-readable reason, such as OOMKilled or ResultMissing."""
    message: VisibleText = ""
    """Human-readable message."""


class RunTracking(Model):
    """Delivery of the run to the tracker."""

    state: Annotated[Literal["Delivered", "Offline", "Refused"], OPEN]
    """Delivered: the tracker has the result, as read back from it. Offline: the result was written to local files.
    Refused: the tracker rejected this run, see error; delivery is retried periodically."""
    run_id: str | None = None
    """ID of the run in the tracker."""
    url: str | None = None
    """URL of its page; offline, path of its files."""
    error: str | None = Field(default=None, max_length=512)
    """Why the tracker rejected the run."""


class SweepRunStatus(Model):
    """The observed state of a run."""

    run_name: str | None = None
    """Name of the run directory and of the run in the tracker: <displayName>.r.<index>, or the name of a manual run."""
    seed: int | None = None
    """Value of $SWEEP_RUN_SEED, the same in every attempt."""
    fixed: dict[str, Scalar] | None = None
    """spec.fixed of the Sweep when the run started; merged under the parameters."""
    parameters: dict[str, Scalar] | None = None
    """Parameters in use: spec.parameters with types applied; a manual run's missing values are filled with the search
    center."""
    template_hash: str | None = None
    """Template of all attempts: the ControllerRevision <sweep>-<templateHash>. Changes to the Sweep after the first
    attempt do not affect the run."""
    train: StageStatus = StageStatus()
    """The training: its attempts, times and node."""
    eval: StageStatus = StageStatus()
    """The evaluation: its attempts, times and node. Empty without spec.eval."""
    score: float | None = None
    """The observed score: the Sweep's metric of the final result."""
    cost: float | None = None
    """Cost of the result, in the Sweep's status.cost.unit. Failed attempts count only in the Sweep's
    status.cost.spent."""
    metrics: dict[str, float] = {}
    """All metrics of the results, by name."""
    checkpoint: str | None = None
    """Location of the checkpoint, as reported by the program."""
    failure: Failure | None = None
    """Why the run failed; absent otherwise."""
    progress: Progress | None = None
    """Progress of the stage, as reported by the program. Absent without reports."""
    curve: list[CurvePoint] = Field(
        default=[],
        exclude_if=lambda points: not points,  # stored runs without reports keep their form
        description=f"The learning curve by step, at most {MAX_POINTS} points on a logarithmic grid of steps: "
        "that of train, or of eval if only eval has reports.",
    )
    early_stopping: Verdict | None = None
    """Why early stopping ended the run, or would have ended it. Absent otherwise."""
    tracking: RunTracking | None = None
    """Delivery of the run to the tracker. Absent until delivered; the Sweep's condition TrackingSynced says why."""
    conditions: list[Condition] = []
    """Succeeded: Unknown while the run waits or runs (the reason says why), then True with a score, or False.
    Finished: True at any end. TrainSucceeded and EvalSucceeded: the stages. Observed: whether the optimizer learns from
    the run. Reporting: present and False while the reports of the program cannot be read or are invalid."""

    @property
    def last_report(self) -> float | None:
        """The last finite score of the learning curve."""
        return next((point.value for point in reversed(self.curve) if point.value is not None), None)

    def stage(self, stage: Stage) -> StageStatus:
        """The status of a stage."""
        return self.train if stage == "train" else self.eval

    def attempt_recorded(self, stage: Stage, attempt: int) -> bool:
        """Whether the status contains the end of an attempt."""
        return any(a.n >= attempt and a.class_ is not None for a in self.stage(stage).attempts)


class SweepRun(Model):
    """A SweepRun object."""

    api_version: Literal["metta.ai/v1alpha1"] = "metta.ai/v1alpha1"
    kind: Literal["SweepRun"] = "SweepRun"
    metadata: ObjectMeta
    spec: SweepRunSpec
    """The configuration of the run. Only stop can be changed."""
    status: SweepRunStatus = SweepRunStatus()
    """The observed state, written by the operator."""

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def succeeded(self) -> bool:
        """Whether the run has a score."""
        return self._is("Succeeded", "True")

    @property
    def failed(self) -> bool:
        """Whether the run ended without a score."""
        return self._is("Succeeded", "False")

    @property
    def pruned(self) -> bool:
        """Whether early stopping ended the run."""
        return self.failed and self.status.failure is not None and self.status.failure.class_ == PRUNED

    @property
    def imported(self) -> bool:
        """Whether the run was executed elsewhere."""
        return self.spec.observation is not None

    @property
    def terminal(self) -> bool:
        """Whether the run has ended. A terminal run does not change."""
        return self.succeeded or self.failed

    @property
    def holds_slot(self) -> bool:
        """Whether the run counts toward limits.maxParallelRuns: it has started, and no suspension has stopped it."""
        if self.terminal or self.status.train.attempt == 0:
            return False
        stage = self.status.eval if self.status.eval.attempt else self.status.train
        last = stage.attempts[-1] if stage.attempts else None
        return last is None or last.class_ != "stopped" or last.n != stage.attempt

    @property
    def delivered(self) -> bool:
        """Whether the tracker has the result."""
        return self.status.tracking is not None and self.status.tracking.state == "Delivered"

    @property
    def parameters(self) -> dict[str, Scalar]:
        """The parameters in use, or the requested ones before the run has started."""
        return self.spec.parameters if self.status.parameters is None else self.status.parameters

    def _is(self, type_: str, status: str) -> bool:
        condition = find_condition(self.status.conditions, type_)
        return condition is not None and condition.status == status
