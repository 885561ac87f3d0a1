"""``spec.warmStart``: observations of earlier runs that the optimizer learns from."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from protein.searchspace.conditions import DOTTED_PATH, PATH
from sweep_operator.api.model import Model

_SOURCES = {"sweep": "Sweep", "wandb": "W&B sweep", "configMap": "ConfigMap", "file": "file"}
"""Field to name in messages. Exactly one of the fields is set."""


class WandbSource(Model):
    """A W&B sweep as a source of observations."""

    sweep_id: str = Field(min_length=1, max_length=128)
    """ID of the W&B sweep: the last part of its URL."""
    entity: str | None = None
    """User or team that owns the project. Default: tracking.wandb.entity, or else the default entity of the API key."""
    project: str | None = None
    """Project of the W&B sweep. Default: tracking.wandb.project, or else sweeps."""
    base_url: str = Field(default="", alias="baseURL")
    """Address of the W&B server. The operator's configuration must allow it. Default: tracking.wandb.baseURL, or else
    W&B's cloud."""


class WarmStartSource(Model):
    """Where observations come from: exactly one of sweep, wandb, configMap, file."""

    sweep: str | None = None
    """Name of another Sweep in the same namespace."""
    wandb: WandbSource | None = None
    """A W&B sweep. It can come from this operator, from Metta's own system, or from `wandb agent`."""
    config_map: str | None = None
    """Name of a ConfigMap in the same namespace. A key that ends in .csv contains CSV, any other key JSON lines, as
    written by `sweep export`. Create one with `kubectl create configmap NAME --from-file=runs.csv`."""
    file: str | None = Field(default=None, min_length=1)
    """Path of a .csv or .jsonl file with observations, relative to the working directory. For `sweep run` on one
    machine only; on a cluster, use configMap."""
    parameters: dict[str, Annotated[str, Field(min_length=1, max_length=256)]] = Field(default={}, max_length=64)
    """Names of parameters in the source, if they differ. `trainer.optimizer.learning_rate: lr` reads the source's
    lr."""
    metric: str | None = Field(default=None, max_length=256)
    """Name of the score in the source. Default: the Sweep's metric, or else the source's own metric."""
    cost: str | None = Field(default=None, max_length=256)
    """Name of the cost in the source. Default: cost. A W&B run without it costs its run time, if the Sweep's cost is in
    seconds."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(given := self.given(*_SOURCES)) != 1:
            raise ValueError(f"needs exactly one of {', '.join(_SOURCES)}; has {given or 'none'}")
        return self

    @field_validator("parameters")
    @classmethod
    def _paths(cls, value: dict[str, str]) -> dict[str, str]:
        for path in value:
            if not PATH.fullmatch(path):
                raise ValueError(f"[{path[:256]}]: is not {DOTTED_PATH}")
        return value

    @property
    def title(self) -> str:
        """The source, for messages."""
        (kind,) = self.given(*_SOURCES)
        name = self.wandb.sweep_id if self.wandb is not None else self.sweep or self.config_map or self.file
        return f"{_SOURCES[kind]} {name}"


class WarmStart(Model):
    """Observations of earlier sweeps that the optimizer learns from."""

    from_: list[WarmStartSource] = Field(alias="from", min_length=1, max_length=16)
    """Sources, from the oldest to the newest. Each is a task of its own, which counts as far as it ranks the results of
    this Sweep correctly."""
    max_observations: int = Field(default=200, ge=1, le=10_000)
    """Maximum number of observations of all sources. The newest ones of each source are used, equally many of each
    unless one has fewer: as many as have 100,000 values and fit into a ConfigMap."""
