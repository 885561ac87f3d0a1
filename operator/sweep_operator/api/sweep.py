"""The Sweep: what a user writes."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from protein.searchspace.conditions import PATH
from sweep_operator.api.limits import Cost, Limits, PerRun
from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.model import Model, Scalar
from sweep_operator.api.parameters import ParameterSpec, check_parameters
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.storage import Claim, RunVolume, Storage
from sweep_operator.api.template import StageTemplate, effective_eval
from sweep_operator.api.warm_start import WarmStart

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
DISPLAY_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?")


class ProteinSpec(Model):
    """Settings of the optimizer; absent means the optimizer's own default."""

    num_random_samples: int | None = Field(
        default=None,
        ge=0,
        description="Points tried before the model is asked, the search center among them. Default: parameters + 1.",
    )
    max_suggestion_cost: float | None = Field(
        default=None,
        gt=0,
        description="Cap on the predicted cost of a suggestion, in status.cost.unit. Default: no cap.",
    )
    resample_frequency: int | None = Field(
        default=None,
        ge=0,
        description="Every n-th run repeats a point of the Pareto front, to learn the noise. Default: 0, never.",
    )
    global_search_scale: float | None = Field(
        default=None, gt=0, description="Multiplies every parameter's scale around the points of the front. Default: 1."
    )
    random_suggestions: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        description="Candidates spread over the whole space, for each suggestion. Default: 1024.",
    )
    suggestions_per_pareto: int | None = Field(
        default=None, ge=1, le=65536, description="Candidates around each point of the front. Default: 256."
    )
    seed_with_search_center: bool | None = Field(
        default=None, description="The first run is the search center. Default: true."
    )
    expansion_rate: float | None = Field(
        default=None,
        ge=0,
        description="How far beyond the dearest run acquisition protein looks, as a share of the range of log-costs. "
        "Default: 0.25.",
    )
    acquisition: Literal["auto", "protein", "ei", "ucb"] | None = Field(
        default=None,
        description="How a candidate is rated. ei: expected improvement. ucb: upper confidence bound. protein: the "
        "rule of PufferLib's Protein. Default: auto, a mix of ei and ucb at a randomly drawn level of cost.",
    )


class Constraint(Model):
    """A CEL rule over ``params``, checked on candidates before a run exists."""

    rule: str = Field(
        min_length=1,
        max_length=4096,
        description="CEL over params (suggestion and fixed), true where a configuration is allowed: "
        "params['batch_size'] % 8 == 0.",
    )
    message: str = Field(default="", max_length=1024, description="What the rule asks for, in words; shown with it.")


class Queue(Model):
    """Where Jobs wait for room: a queue of Kueue."""

    name: str = Field(min_length=1, max_length=63, description="LocalQueue in the Sweep's namespace.")
    priority_class: str | None = Field(
        default=None, max_length=63, description="Kueue's WorkloadPriorityClass. Absent: none."
    )


class SecretKey(Model):
    """A key of a Secret in the Sweep's namespace."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Secret.")
    key: str = Field(default="api-key", min_length=1, max_length=253, description="Key in its data.")


class Wandb(Model):
    """Weights & Biases."""

    mode: Literal["online", "offline", "disabled"] = Field(
        default="online",
        description="online: runs are sent. offline: they are written to files. disabled: nothing is done, and "
        "wandb.init() in your program does nothing.",
    )
    entity: str | None = Field(default=None, description="User or team that owns the project. Default: the key's own.")
    project: str = Field(
        default="sweeps",
        min_length=1,
        max_length=128,
        pattern=r"^[^/\\#?%:]+$",
        description="W&B project that the runs go to. W&B takes none of the characters / \\ # ? % : in it.",
    )
    base_url: str = Field(
        default="",
        alias="baseURL",
        description="Address of the W&B server, one that the operator's configuration allows. Default: W&B's cloud.",
    )
    api_key_secret: SecretKey | None = Field(default=None, description="Secret with the API key that pods get.")


class Tracking(Model):
    """Where results are shown besides Kubernetes."""

    wandb: Wandb | None = Field(default=None, description="Weights & Biases. Absent: off.")


class SweepSpec(Model):
    """The desired state of a sweep."""

    display_name: str | None = Field(
        default=None,
        max_length=128,
        description="Name of directories, run names, W&B and patches, where Kubernetes' rules for names do not apply. "
        "Default: metadata.name. Immutable.",
    )
    suspend: bool = Field(
        default=False, description="true: start nothing new, and treat what runs as suspendPolicy says; false: go on."
    )
    suspend_policy: Literal["drain", "terminate"] = Field(
        default="drain",
        description="What suspend does to running Jobs. drain: they end by themselves. terminate: they are deleted, "
        "and their runs start again afterwards without counting a retry.",
    )
    stop: bool = Field(
        default=False, description="true: end the sweep now (Stopped), what runs included; false again: go on."
    )
    metric: str | None = Field(
        default=None,
        max_length=256,
        description="Name of the score in a result: metrics.<metric>, else <metric> itself. Absent: `score`. "
        "Immutable.",
    )
    goal: Literal["maximize", "minimize"] = Field(
        default="maximize", description="Which scores are better: high ones or low ones. Immutable."
    )
    target: float | None = Field(
        default=None, description="End (TargetReached) when a run's score is this good. Absent: off."
    )
    method: Literal["bayes", "random", "sobol"] = Field(
        default="bayes",
        description="How parameters are chosen. bayes: by Protein, a cost-aware Bayesian optimizer (see protein). "
        "random: independently. sobol: evenly spread.",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**63,
        description="Seed of the optimizer and of the runs. Default: derived from metadata.uid. Immutable.",
    )
    protein: ProteinSpec = Field(
        default=ProteinSpec(), description="Settings of the optimizer; absent ones are its own defaults."
    )
    parameters: dict[str, ParameterSpec] = Field(
        min_length=1,
        max_length=64,
        description="What is searched: dotted path (trainer.optimizer.learning_rate) to distribution. The set of "
        "paths, distribution, values and when are immutable; bounds, mean and scale may be edited.",
    )
    fixed: dict[str, Scalar] = Field(
        default={},
        max_length=256,
        description="Further parameters with the same value in every run, by dotted path. Edits touch next runs only.",
    )
    constraints: list[Constraint] = Field(
        default=[],
        max_length=32,
        description="Rules between parameters. A configuration that breaks one is never suggested.",
    )
    limits: Limits = Field(default=Limits(), description="When the sweep ends, and how much runs at the same time.")
    per_run: PerRun = Field(
        default=PerRun(), description="Deadlines and retries of each run. Edits touch next runs only."
    )
    cost: Cost = Field(default=Cost(), description="What a run costs, which the optimizer learns too. Immutable.")
    train: StageTemplate = Field(description="The training: what its container is. Edits touch next runs only.")
    eval: StageTemplate | None = Field(
        default=None,
        description="The evaluation, which reports the score; it inherits train's image, environment and volumes "
        "where it sets none. Absent: train reports the score.",
    )
    storage: Storage = Field(
        default=Storage(), description="The volume handed from train to eval, and how long it is kept."
    )
    queue: Queue | None = Field(
        default=None,
        description="Kueue's queue for the Jobs. Absent: they start without one. Needs Kueue in the cluster.",
    )
    warm_start: WarmStart | None = Field(
        default=None, description="Observations of earlier sweeps that the optimizer begins with. Absent: none."
    )
    tracking: Tracking = Field(
        default=Tracking(), description="Where results are shown besides Kubernetes. Empty: nowhere."
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        ge=0,
        description="Delete Jobs and Pods this many seconds after they have ended. Absent: they stay with the Sweep. "
        "SweepRuns always do.",
    )

    @field_validator("display_name")
    @classmethod
    def _display_name(cls, value: str | None) -> str | None:
        if value is not None and not DISPLAY_NAME.fullmatch(value):
            raise ValueError(f"{value!r} may hold letters, digits, _ . - and begin and end with a letter, digit or _")
        return value

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, value: dict[str, ParameterSpec]) -> dict[str, ParameterSpec]:
        check_parameters(value)
        return value

    @model_validator(mode="after")
    def _across_fields(self) -> Self:
        for path in self.fixed:
            if not PATH.fullmatch(path):
                raise ValueError(f"fixed[{path}]: is not a dotted path of names")
            for other in self.parameters:
                if path == other or path.startswith(other + ".") or other.startswith(path + "."):
                    raise ValueError(f"fixed[{path}]: collides with spec.parameters[{other}]; remove one of them")
        if self.per_run.deadline_factor is not None and self.cost.source != "WallClock":
            raise ValueError(
                f"perRun.deadlineFactor: needs cost.source WallClock, not {self.cost.source}; use train.deadlineSeconds"
            )
        volume = self.storage.run_volume
        if self.train.nodes > 1 and volume and volume.claim and "ReadWriteMany" not in volume.claim.access_modes:
            raise ValueError("storage.runVolume.claim.accessModes: train.nodes > 1 needs [ReadWriteMany]")
        if "eval" in self.cost.include and "train" not in self.cost.include and self.eval is None:
            raise ValueError("cost.include: [eval] without an eval stage counts nothing; add train or spec.eval")
        return self


class Sweep(Model):
    """A Sweep object."""

    api_version: Literal["metta.ai/v1alpha1"] = "metta.ai/v1alpha1"
    kind: Literal["Sweep"] = "Sweep"
    metadata: ObjectMeta
    spec: SweepSpec = Field(description="What is searched and how: written by people.")
    status: SweepStatus = Field(default=SweepStatus(), description="The observed state: written by the operator.")

    @model_validator(mode="before")
    @classmethod
    def _name(cls, value: Any) -> Any:
        name = (value.get("metadata") or {}).get("name") if isinstance(value, dict) else None
        if isinstance(name, str) and not NAME.fullmatch(name):
            raise ValueError(
                f"metadata.name: {name!r} must be lower-case letters, digits and '-', at most 40; "
                "spec.displayName takes any other name"
            )
        return value

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def display_name(self) -> str:
        """The name of directories, run names and patches."""
        return self.spec.display_name or self.metadata.name

    @property
    def eval(self) -> StageTemplate | None:
        """The evaluation with what it inherits from train, or None."""
        return None if self.spec.eval is None else effective_eval(self.spec.train, self.spec.eval)

    @property
    def run_volume(self) -> RunVolume:
        """The volume in force: a claim where there is an eval to hand it to, else an emptyDir."""
        if self.spec.storage.run_volume is not None:
            return self.spec.storage.run_volume
        return RunVolume(claim=Claim()) if self.spec.eval is not None else RunVolume(empty_dir={})

    @property
    def seed(self) -> int:
        """The optimizer's seed: spec.seed, else the first 63 bits of the uid's hash."""
        if self.spec.seed is not None:
            return self.spec.seed
        return int.from_bytes(hashlib.sha256(self.metadata.uid.encode()).digest()[:8], "big") >> 1
