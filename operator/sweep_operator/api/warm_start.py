"""``spec.warmStart``: observations of earlier runs that the optimizer begins with."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from protein.searchspace.conditions import PATH
from sweep_operator.api.model import Model

KINDS = ("sweep", "wandb", "configMap", "file")
_FIELDS = {"sweep": "sweep", "wandb": "wandb", "configMap": "config_map", "file": "file"}


class WandbSource(Model):
    """A W&B sweep as a source of observations."""

    sweep_id: str = Field(
        min_length=1, max_length=128, description="Id of the W&B sweep: the last part of its address."
    )
    entity: str | None = Field(
        default=None, description="User or team that owns it. Default: tracking.wandb.entity, else the key's own."
    )
    project: str | None = Field(
        default=None, description="Project that it lies in. Default: tracking.wandb.project, else sweeps."
    )
    base_url: str = Field(
        default="",
        alias="baseURL",
        description="Address of the W&B server, one that the operator's configuration allows. Default: "
        "tracking.wandb.baseURL, else W&B's cloud.",
    )


class WarmStartSource(Model):
    """Where observations come from: exactly one of sweep, wandb, configMap, file."""

    sweep: str | None = Field(default=None, description="Name of another Sweep in the same namespace.")
    wandb: WandbSource | None = Field(
        default=None, description="A W&B sweep: of this operator, of Metta's own system, or of `wandb agent`."
    )
    config_map: str | None = Field(
        default=None,
        description="Name of a ConfigMap in the same namespace with observations: keys that end in .csv hold CSV, all "
        "others JSON lines, as `sweep export` writes them. `kubectl create configmap NAME --from-file=runs.csv` makes "
        "one.",
    )
    file: str | None = Field(
        default=None,
        min_length=1,
        description="Path of a .csv or .jsonl file with observations, from the working directory. For `sweep run` on "
        "one machine only; a cluster needs a configMap.",
    )
    parameters: dict[str, Annotated[str, Field(min_length=1, max_length=256)]] = Field(
        default={},
        max_length=64,
        description="Names in the source where they differ: trainer.optimizer.learning_rate: lr takes what is called "
        "lr there.",
    )
    metric: str | None = Field(
        default=None, max_length=256, description="Name of the score in the source. Default: the Sweep's own metric."
    )
    cost: str | None = Field(
        default=None,
        max_length=256,
        description="Name of the cost in the source. Default: what it calls cost, in W&B else the run time in seconds "
        "(where the Sweep's cost is seconds too).",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}; has {list(self.given) or 'none'}")
        return self

    @field_validator("parameters")
    @classmethod
    def _paths(cls, value: dict[str, str]) -> dict[str, str]:
        for path in value:
            if not PATH.fullmatch(path):
                raise ValueError(f"[{path}]: is not a dotted path of names such as trainer.optimizer.learning_rate")
        return value

    @property
    def given(self) -> tuple[str, ...]:
        """The kinds of source that are set: one, once it is valid."""
        return tuple(kind for kind in KINDS if getattr(self, _FIELDS[kind]) is not None)

    @property
    def title(self) -> str:
        """The source in words."""
        if self.wandb is not None:
            return f"W&B sweep {self.wandb.sweep_id}"
        kind = self.given[0]
        words = {"sweep": "Sweep", "configMap": "ConfigMap", "file": "file"}
        return f"{words[kind]} {getattr(self, _FIELDS[kind])}"


class WarmStart(Model):
    """Observations of earlier sweeps that the model starts from."""

    from_: list[WarmStartSource] = Field(
        alias="from", min_length=1, max_length=16, description="Sources, the newest last."
    )
    max_observations: int = Field(
        default=200, ge=1, le=10_000, description="How many are read at most; the newest ones are kept."
    )
