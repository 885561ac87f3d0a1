"""The custom resource Sweep."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from protein.analysis.pareto import goal_sign
from protein.searchspace.conditions import DOTTED_PATH, PATH
from sweep_operator.api.early_stopping import EarlyStopping
from sweep_operator.api.limits import Cost, Limits, PerRun, Stopping
from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.model import MAX_SECONDS, Model, Scalar
from sweep_operator.api.optimizer import ProteinSpec
from sweep_operator.api.parameters import ParameterSpec, check_parameters
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.storage import Claim, RunVolume, Storage
from sweep_operator.api.template import StageTemplate, effective_eval
from sweep_operator.api.warm_start import WarmStart

MAX_OBJECTIVES = 4
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
DISPLAY_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?")


class Constraint(Model):
    """A CEL rule over ``params``. Candidates that break it are discarded before a run is created."""

    rule: str = Field(min_length=1, max_length=1000)
    """CEL expression over params (searched and fixed parameters). It is true for an allowed configuration:
    params['batch_size'] % 8 == 0. At most two macros such as all and exists may be nested."""
    message: str = Field(default="", max_length=1024)
    """Explanation of the rule for people, shown together with the rule."""


class Objective(Model):
    """One of several metrics of a result that the sweep optimizes."""

    metric: str = Field(min_length=1, max_length=256)
    """Name of the metric in a result, as in spec.metric. peakMemoryBytes is measured if the program does not report it.
    Immutable."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Whether higher or lower values are better. Immutable."""
    threshold: float | None = None
    """Value that a run must reach: a minimum to maximize, a maximum to minimize. Runs that reach every threshold rank
    before all others. Absent: none."""

    def reached(self, value: float | None) -> bool:
        """Whether a value reaches the threshold. An unknown value reaches none."""
        if self.threshold is None:
            return True
        sign = goal_sign(self.goal)
        return value is not None and sign * value >= sign * self.threshold


class Queue(Model):
    """A Kueue queue for the Jobs."""

    name: str = Field(min_length=1, max_length=63)
    """LocalQueue in the Sweep's namespace."""
    priority_class: str | None = Field(default=None, max_length=63)
    """WorkloadPriorityClass of Kueue. Absent: none."""


class SecretKey(Model):
    """A key of a Secret in the Sweep's namespace."""

    name: str = Field(min_length=1, max_length=253)
    """Name of the Secret."""
    key: str = Field(default="api-key", min_length=1, max_length=253)
    """Key in the Secret's data."""


class Wandb(Model):
    """Weights & Biases."""

    mode: Literal["online", "offline", "disabled"] = "online"
    """online: runs are sent to W&B. offline: runs are written to files. disabled: nothing is recorded, and wandb.init()
    in your program does nothing."""
    entity: str | None = None
    """User or team that owns the project. Default: the default entity of the API key."""
    project: str = Field(default="sweeps", min_length=1, max_length=128, pattern=r"^[^/\\#?%:]+$")
    """W&B project for the runs. The name must not contain any of the characters / \\ # ? % :."""
    base_url: str = Field(default="", alias="baseURL")
    """Address of the W&B server. The operator's configuration must allow it. Default: W&B's cloud."""
    api_key_secret: SecretKey | None = None
    """Secret with the API key for the pods of the runs."""


class Tracking(Model):
    """Experiment trackers that receive the results."""

    wandb: Wandb | None = None
    """Weights & Biases. Absent: off."""


class SweepSpec(Model):
    """The desired state of a sweep."""

    display_name: str | None = Field(default=None, max_length=128)
    """Name that is used for directories, run names, W&B and patches. It is not restricted to Kubernetes object names.
    Default: metadata.name. Immutable."""
    suspend: bool = False
    """If true, no new run starts, and suspendPolicy decides what happens to running Jobs. Set it to false to resume the
    sweep."""
    suspend_policy: Literal["drain", "terminate"] = "drain"
    """What happens to running Jobs while the sweep is suspended. drain: they continue until they end. terminate: they
    are deleted, and their runs start again when the sweep is resumed, without counting as a retry."""
    stop: bool = False
    """If true, the sweep ends now with reason Stopped, and running runs are terminated. Set it to false to resume the
    sweep."""
    metric_: str | None = Field(default=None, max_length=256, alias="metric")
    """Name of the score in a result: the operator reads metrics.<metric>, or the key <metric> if metrics does not
    contain it. Absent: `score`. Immutable."""
    goal_: Literal["maximize", "minimize"] = Field(default="maximize", alias="goal")
    """Whether higher or lower scores are better. Immutable."""
    objectives_: list[Objective] | None = Field(default=None, max_length=MAX_OBJECTIVES, alias="objectives")
    """Several metrics to optimize at once, instead of metric and goal. The first one is the score. The optimizer
    improves the Pareto front of all of them and the cost. Absent: metric is the only one. Immutable, except for the
    thresholds."""
    target: float | None = None
    """The sweep ends (TargetReached) when the score of a run reaches this value, and the run every threshold of
    objectives. Absent: off."""
    method: Literal["bayes", "random", "sobol"] = "bayes"
    """How configurations are chosen. bayes: by Protein, a cost-aware Bayesian optimizer (see protein). random:
    independent random points. sobol: points of a Sobol sequence, which cover the space evenly."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Random seed of the optimizer and of the runs. Default: derived from metadata.uid. Immutable."""
    protein: ProteinSpec = ProteinSpec()
    """Settings of the optimizer. Fields that are absent have the optimizer's defaults."""
    parameters: dict[str, ParameterSpec] = Field(min_length=1, max_length=64)
    """Search space: a map from dotted path (trainer.optimizer.learning_rate) to distribution. Bounds, mean and scale
    can be edited. The set of paths, distribution, values and when are immutable."""
    fixed: dict[str, Scalar] = Field(default={}, max_length=256)
    """Parameters that have the same value in every run, by dotted path. Changes apply to new runs only."""
    constraints: list[Constraint] = Field(default=[], max_length=32)
    """Rules between parameters. The optimizer never suggests a configuration that breaks one."""
    limits: Limits = Limits()
    """When the sweep ends, and how many runs may be unfinished at the same time."""
    stopping: Stopping | None = None
    """Whether the sweep ends when further runs are not worth their cost. Absent: it does not."""
    per_run: PerRun = PerRun()
    """Deadlines and retries of each run. Changes apply to new runs only."""
    early_stopping: EarlyStopping | None = None
    """Stops runs whose learning curve falls behind those of other runs. Absent: off."""
    cost: Cost = Cost()
    """How the cost of a run is measured. The optimizer learns the cost too. Immutable."""
    train: StageTemplate
    """Container of the training stage. Changes apply to new runs only."""
    eval: StageTemplate | None = None
    """Container of the evaluation stage, which reports the score. Image, environment and volumes default to those of
    train. Absent: train reports the score."""
    storage: Storage = Storage()
    """Volume that train and eval share, and how long it is kept."""
    queue: Queue | None = None
    """Kueue queue for the Jobs. Needs Kueue in the cluster. Absent: no queue."""
    warm_start: WarmStart | None = None
    """Earlier runs that the optimizer learns from before its first suggestion. Absent: none."""
    tracking: Tracking = Tracking()
    """Experiment trackers that receive the results. Empty: none."""
    ttl_seconds_after_finished: int | None = Field(default=None, ge=0, le=MAX_SECONDS)
    """Delete Jobs, with their pods and logs, this many seconds after they have ended. Absent: the operator deletes them
    one hour after their result was recorded (finishedJobSeconds of its configuration). SweepRuns are kept as long as
    the Sweep."""

    @field_validator("display_name")
    @classmethod
    def _display_name(cls, value: str | None) -> str | None:
        if value is not None and not DISPLAY_NAME.fullmatch(value):
            raise ValueError(
                f"{value!r} must consist of letters, digits, _ . - and start and end with a letter, digit or _"
            )
        return value

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, value: dict[str, ParameterSpec]) -> dict[str, ParameterSpec]:
        check_parameters(value)
        return value

    @field_validator("objectives_")
    @classmethod
    def _objectives(cls, value: list[Objective] | None) -> list[Objective] | None:
        names = [objective.metric for objective in value or ()]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"metric {repeated[0]!r} is repeated; remove one of the two")
        return value

    @model_validator(mode="after")
    def _early_stopping(self) -> Self:
        settings = self.early_stopping or EarlyStopping()
        rule = settings.active
        if rule is not None and self.train.reports is None:
            raise ValueError(f"earlyStopping.rule: {rule} compares reports of the training; add train.reports")
        if rule != "model":
            return self
        needs = {
            "method bayes": self.method == "bayes",
            "train.reports.maxStep": self.train.reports is not None and self.train.reports.max_step is not None,
            "reports of the score by train: remove eval or": self.eval is None,
            "the sweep's own metric: remove earlyStopping.metric or": settings.metric in (None, self.metric),
            "one objective: remove the others or": len(self.objectives) < 2,
        }
        if missing := next((need for need, met in needs.items() if not met), None):
            raise ValueError(f"earlyStopping.rule: model needs {missing}; use asha or median otherwise")
        return self

    @property
    def objectives(self) -> list[Objective]:
        """The objectives; empty if metric and goal are the only one."""
        return self.objectives_ or []

    @property
    def metric(self) -> str | None:
        """Name of the score in a result; None: ``score``."""
        return self.objectives[0].metric if self.objectives else self.metric_

    @property
    def goal(self) -> Literal["maximize", "minimize"]:
        """Whether higher or lower scores are better."""
        return self.objectives[0].goal if self.objectives else self.goal_

    @property
    def min_gain(self) -> float | None:
        """stopping.minGain if it applies."""
        return self.stopping.least if self.stopping is not None else None

    @model_validator(mode="after")
    def _across_fields(self) -> Self:
        if self.objectives and (self.metric_ is not None or self.goal_ != "maximize"):
            raise ValueError("objectives: the first one has the metric and the goal; remove spec.metric and spec.goal")
        if self.min_gain is not None and (self.method != "bayes" or len(self.objectives) > 1):
            raise ValueError("stopping.policy: WhenNotWorthIt needs method bayes and one objective; use Never")
        for path in self.fixed:
            if not PATH.fullmatch(path):
                raise ValueError(f"fixed[{path[:256]}]: is not {DOTTED_PATH}")
            for other in self.parameters:
                if path == other or path.startswith(other + ".") or other.startswith(path + "."):
                    raise ValueError(f"fixed[{path}]: conflicts with spec.parameters[{other}]; remove one of the two")
        if self.per_run.deadline_factor is not None and self.cost.source != "WallClock":
            raise ValueError(
                f"perRun.deadlineFactor: needs cost.source WallClock, not {self.cost.source}; use train.deadlineSeconds"
            )
        for name, stage in (("train", self.train), ("eval", self.eval)):
            last = stage.reports.max_step_parameter if stage is not None and stage.reports is not None else None
            if last is None:
                continue
            values = self.parameters[last].values or [] if last in self.parameters else [self.fixed.get(last, 1)]
            if (text := next((v for v in values if isinstance(v, (str, bool))), None)) is not None:
                raise ValueError(f"{name}.reports.maxStep: {last} is {text!r} in some runs; use a numeric parameter")
        volume = self.storage.run_volume
        if self.train.nodes > 1 and volume and volume.claim and "ReadWriteMany" not in volume.claim.access_modes:
            raise ValueError("storage.runVolume.claim.accessModes: train.nodes > 1 needs [ReadWriteMany]")
        if "eval" in self.cost.include and "train" not in self.cost.include and self.eval is None:
            raise ValueError("cost.include: [eval] needs an eval stage; add train or spec.eval")
        return self


class Sweep(Model):
    """A Sweep object."""

    api_version: Literal["metta.ai/v1alpha1"] = "metta.ai/v1alpha1"
    kind: Literal["Sweep"] = "Sweep"
    metadata: ObjectMeta
    spec: SweepSpec
    """Desired state of the sweep, written by its author."""
    status: SweepStatus = SweepStatus()
    """Observed state of the sweep, written by the operator."""

    @model_validator(mode="before")
    @classmethod
    def _name(cls, value: Any) -> Any:
        name = (value.get("metadata") or {}).get("name") if isinstance(value, dict) else None
        if isinstance(name, str) and not NAME.fullmatch(name):
            raise ValueError(
                f"metadata.name: {name!r} must consist of at most 40 lower-case letters, digits and '-'; "
                "use spec.displayName for any other name"
            )
        return value

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def display_name(self) -> str:
        """The name that directories, runs and patches use."""
        return self.spec.display_name or self.metadata.name

    @property
    def eval(self) -> StageTemplate | None:
        """The eval stage with the fields that it inherits from train, or None."""
        return None if self.spec.eval is None else effective_eval(self.spec.train, self.spec.eval)

    @property
    def run_volume(self) -> RunVolume:
        """The effective volume. Default: a claim if there is an eval stage, otherwise an emptyDir."""
        if self.spec.storage.run_volume is not None:
            return self.spec.storage.run_volume
        return RunVolume(claim=Claim()) if self.spec.eval is not None else RunVolume(empty_dir={})

    @property
    def seed(self) -> int:
        """The optimizer's seed: spec.seed, or the first 63 bits of the uid's hash."""
        if self.spec.seed is not None:
            return self.spec.seed
        return int.from_bytes(hashlib.sha256(self.metadata.uid.encode()).digest()[:8], "big") >> 1
