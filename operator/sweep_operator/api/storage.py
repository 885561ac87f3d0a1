"""``spec.storage``: the volume that train and eval share."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sweep_operator.api.model import Model, OpenObject

SIZE = re.compile(r"[0-9]+(\.[0-9]+)?([EPTGMk]i?|Ki|m)?")


class Claim(Model):
    """A PersistentVolumeClaim for each run."""

    size: str = Field(default="5Gi", max_length=32)
    """Requested storage, such as 5Gi."""
    storage_class_name: str | None = Field(default=None, max_length=253)
    """StorageClass of the claim. Default: the default class of the cluster."""
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]] = Field(
        default=["ReadWriteOnce"], min_length=1, max_length=3
    )
    """Access modes of the claim. A stage with nodes > 1 needs ReadWriteMany."""

    @field_validator("size")
    @classmethod
    def _quantity(cls, value: str) -> str:
        if not SIZE.fullmatch(value):
            raise ValueError(f"{value!r} is not a quantity of storage; use a value such as 5Gi")
        return value


class ExistingClaim(Model):
    """A claim that all runs share. Run directories are ``<displayName>-<uid8>/runs/<runName>`` below ``subPath``."""

    name: str = Field(min_length=1, max_length=253)
    """Name of a PersistentVolumeClaim in the Sweep's namespace."""
    sub_path: str = Field(default="", max_length=1024)
    """Directory in the claim. Default: its root."""


class RunVolume(Model):
    """The volume of a run: exactly one of claim, existingClaim and emptyDir."""

    claim: Claim | None = None
    """A PersistentVolumeClaim for each run."""
    existing_claim: ExistingClaim | None = None
    """A claim that all runs share. Run directories are `<displayName>-<first 8 of the uid>/runs/<run name>` below
    subPath. A Sweep that is deleted and created again therefore does not find the checkpoints of the old one."""
    empty_dir: OpenObject | None = None
    """A core/v1 EmptyDirVolumeSource, such as {}. The files are deleted with the pod, so eval does not see them."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(given := self.given("claim", "existingClaim", "emptyDir")) != 1:
            raise ValueError(f"must have exactly one of claim, existingClaim, emptyDir; got {given or 'none'}")
        return self


class Storage(Model):
    """The volume of a run, and how long it is kept."""

    run_volume: RunVolume | None = None
    """Volume at $SWEEP_RUN_DIR. train passes files to eval in it, and a preempted attempt passes checkpoints to the
    next one. Exactly one of claim, existingClaim, emptyDir. Default: a claim of 5Gi if there is an eval, otherwise an
    emptyDir."""
    retention: Literal["all", "pareto", "best", "none"] = "pareto"
    """Which claims are kept after their run has ended. all: every claim. pareto: those of runs on the Pareto front.
    best: the one of the best run. none: no claim."""
    when_deleted: Literal["Delete", "Retain"] = "Delete"
    """Whether the claims are deleted with the Sweep or retained."""
