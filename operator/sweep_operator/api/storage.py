"""``spec.storage``: the volume handed from train to eval."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sweep_operator.api.model import Model, OpenObject

SIZE = re.compile(r"[0-9]+(\.[0-9]+)?([EPTGMk]i?|Ki|m)?")


class Claim(Model):
    """A PersistentVolumeClaim of the run's own."""

    size: str = Field(default="5Gi", max_length=32, description="Storage to request, such as 5Gi.")
    storage_class_name: str | None = Field(
        default=None, max_length=253, description="StorageClass. Default: the cluster's default class."
    )
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]] = Field(
        default=["ReadWriteOnce"],
        min_length=1,
        max_length=3,
        description="Access modes of the claim. A stage with nodes > 1 needs ReadWriteMany.",
    )

    @field_validator("size")
    @classmethod
    def _quantity(cls, value: str) -> str:
        if not SIZE.fullmatch(value):
            raise ValueError(f"{value!r} is no quantity of storage; write 5Gi, say")
        return value


class ExistingClaim(Model):
    """A shared claim; runs lie in ``<displayName>-<uid8>/runs/<runName>`` below ``subPath``."""

    name: str = Field(
        min_length=1, max_length=253, description="Name of a PersistentVolumeClaim in the Sweep's namespace."
    )
    sub_path: str = Field(default="", max_length=1024, description="A folder of the claim. Default: its root.")


class RunVolume(Model):
    """Exactly one of claim, existingClaim, emptyDir."""

    claim: Claim | None = Field(default=None, description="A PersistentVolumeClaim for each run.")
    existing_claim: ExistingClaim | None = Field(
        default=None,
        description="A claim that all runs share. Run directories lie in `<displayName>-<first 8 of the uid>/runs/<run "
        "name>` below subPath, so that a re-created sweep never finds an old one's checkpoints.",
    )
    empty_dir: OpenObject | None = Field(
        default=None,
        description="A core/v1 EmptyDirVolumeSource ({} will do): scratch space that ends with the pod; nothing is "
        "handed to eval.",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [n for n in ("claim", "existingClaim", "emptyDir") if getattr(self, _FIELDS[n]) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of claim, existingClaim, emptyDir; has {given or 'none'}")
        return self


_FIELDS = {"claim": "claim", "existingClaim": "existing_claim", "emptyDir": "empty_dir"}


class Storage(Model):
    """Volumes and how long they live."""

    run_volume: RunVolume | None = Field(
        default=None,
        description="The volume at $SWEEP_RUN_DIR, handed from train to eval and from a preempted attempt to the "
        "next. Exactly one of claim, existingClaim, emptyDir. Default: a claim of 5Gi where there is an eval, else an "
        "emptyDir.",
    )
    retention: Literal["all", "pareto", "best", "none"] = Field(
        default="pareto",
        description="Which runs' claims outlive their run: all of them, those on the Pareto front, the best one's, or "
        "none.",
    )
    when_deleted: Literal["Delete", "Retain"] = Field(
        default="Delete", description="What happens to the claims when the Sweep is deleted."
    )
