"""The Sweep: what a user writes."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sweep_operator.api.limits import Cost, Limits, PerRun
from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.model import Model, Scalar
from sweep_operator.api.parameters import PATH, ParameterSpec, check_parameters
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.storage import Claim, RunVolume, Storage
from sweep_operator.api.template import StageTemplate, effective_eval

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
DISPLAY_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?")


class ProteinSpec(Model):
    """Settings of the optimizer; absent means the optimizer's own default."""

    num_random_samples: int | None = Field(default=None, ge=0, description="Start-up points. Default: parameters + 1.")
    max_suggestion_cost: float | None = Field(
        default=None, gt=0, description="Cap on the predicted cost of a suggestion."
    )
    resample_frequency: int | None = Field(
        default=None, ge=0, description="Every n-th run repeats a Pareto point; 0: never."
    )
    global_search_scale: float | None = Field(default=None, gt=0, description="Scale of the search around the front.")
    random_suggestions: int | None = Field(
        default=None, ge=1, le=65536, description="Global candidates per suggestion."
    )
    suggestions_per_pareto: int | None = Field(default=None, ge=1, le=65536, description="Candidates per front point.")
    seed_with_search_center: bool | None = Field(default=None, description="The first run is the search centre.")
    expansion_rate: float | None = Field(default=None, ge=0, description="How far beyond the front's cost to look.")
    acquisition: Literal["auto", "protein", "ei", "ucb"] | None = Field(
        default=None, description="auto is the default."
    )


class Constraint(Model):
    """A CEL rule over ``params``, checked on candidates before a run exists."""

    rule: str = Field(min_length=1, max_length=4096, description="CEL, true where a configuration is allowed.")
    message: str = Field(default="", max_length=1024, description="Said when it does not pass.")


class Queue(Model):
    """Kueue."""

    name: str = Field(min_length=1, max_length=63, description="LocalQueue of the namespace.")
    priority_class: str | None = Field(default=None, max_length=63, description="WorkloadPriorityClass.")


class WandbSource(Model):
    """A W&B sweep as a source of observations."""

    sweep_id: str = Field(min_length=1, description="Id of the W&B sweep.")
    entity: str | None = None
    project: str | None = None


class WarmStartSource(Model):
    """Exactly one of sweep, wandb, configMap."""

    sweep: str | None = Field(default=None, description="Another Sweep of the namespace.")
    wandb: WandbSource | None = None
    config_map: str | None = Field(default=None, description="A ConfigMap with observations (JSON lines).")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [n for n in ("sweep", "wandb", "config_map") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of sweep, wandb, configMap; has {given or 'none'}")
        return self


class WarmStart(Model):
    """Observations of earlier sweeps that the model starts from."""

    from_: list[WarmStartSource] = Field(alias="from", min_length=1, max_length=16, description="Newest source last.")
    max_observations: int = Field(default=200, ge=1, le=10_000, description="The newest ones are kept.")


class SecretKey(Model):
    """A key of a Secret in the Sweep's namespace."""

    name: str = Field(min_length=1, max_length=253)
    key: str = Field(default="api-key", min_length=1, max_length=253)


class Wandb(Model):
    """Weights & Biases."""

    mode: Literal["online", "offline", "disabled"] = Field(default="online", description="disabled imports nothing.")
    entity: str | None = Field(default=None, description="Default: the key's default entity.")
    project: str = Field(default="sweeps", min_length=1, max_length=128, description="W&B project.")
    base_url: str = Field(default="", alias="baseURL", description="Must be allowed by the operator's configuration.")
    api_key_secret: SecretKey | None = Field(default=None, description="The pods' key.")


class Tracking(Model):
    """Where results are shown besides Kubernetes."""

    wandb: Wandb | None = None


class SweepSpec(Model):
    """The desired state of a sweep."""

    display_name: str | None = Field(
        default=None, max_length=128, description="Name of directories, runs, patches. Immutable."
    )
    suspend: bool = Field(default=False, description="Start nothing new; see suspendPolicy.")
    suspend_policy: Literal["drain", "terminate"] = Field(default="drain", description="What happens to running Jobs.")
    stop: bool = Field(default=False, description="End the sweep now; false again: go on.")
    metric: str | None = Field(
        default=None, max_length=256, description="Name of the score among the metrics. Immutable."
    )
    goal: Literal["maximize", "minimize"] = Field(default="maximize", description="Direction of the metric. Immutable.")
    target: float | None = Field(default=None, description="Stop when a run reaches it.")
    method: Literal["bayes", "random", "sobol"] = Field(default="bayes", description="bayes is Protein.")
    seed: int | None = Field(
        default=None, ge=0, lt=2**63, description="Of the optimizer. Default: from the uid. Immutable."
    )
    protein: ProteinSpec = Field(default=ProteinSpec(), description="The optimizer's settings.")
    parameters: dict[str, ParameterSpec] = Field(min_length=1, max_length=64, description="What is searched.")
    fixed: dict[str, Scalar] = Field(default={}, max_length=256, description="Merged under every suggestion.")
    constraints: list[Constraint] = Field(default=[], max_length=32, description="Rules between parameters.")
    limits: Limits = Field(default=Limits(), description="When the sweep ends.")
    per_run: PerRun = Field(default=PerRun(), description="Deadlines and retries of a run.")
    cost: Cost = Field(default=Cost(), description="What a run costs. Immutable.")
    train: StageTemplate = Field(description="The training stage.")
    eval: StageTemplate | None = Field(default=None, description="The evaluation. Omitted: train reports the score.")
    storage: Storage = Field(default=Storage(), description="The volume from train to eval.")
    queue: Queue | None = None
    warm_start: WarmStart | None = None
    tracking: Tracking = Field(default=Tracking())
    ttl_seconds_after_finished: int | None = Field(default=None, ge=0, description="Of Jobs and Pods.")

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
    spec: SweepSpec
    status: SweepStatus = SweepStatus()

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
