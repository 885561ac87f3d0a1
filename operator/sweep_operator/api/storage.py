"""``spec.storage``: the volume handed from train to eval."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.model import JsonObject, Model


class Claim(Model):
    """A PersistentVolumeClaim of the run's own."""

    size: str = Field(default="5Gi", pattern=r"^[0-9]+(\.[0-9]+)?([EPTGMk]i?|m)?$", description="Requested storage.")
    storage_class_name: str | None = Field(default=None, description="Default: the cluster's default class.")
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]] = Field(
        default=["ReadWriteOnce"], min_length=1, description="nodes > 1 needs ReadWriteMany."
    )


class ExistingClaim(Model):
    """A shared claim; runs lie in ``<displayName>-<uid8>/runs/<runName>`` below ``subPath``."""

    name: str = Field(min_length=1, max_length=253, description="A PersistentVolumeClaim of the namespace.")
    sub_path: str = Field(default="", max_length=1024, description="A folder of the claim.")


class RunVolume(Model):
    """Exactly one of claim, existingClaim, emptyDir."""

    claim: Claim | None = None
    existing_claim: ExistingClaim | None = None
    empty_dir: JsonObject | None = None

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
        default=None, description="Default: a claim where there is an eval, else emptyDir."
    )
    retention: Literal["all", "pareto", "best", "none"] = Field(
        default="pareto", description="Which runs' claims survive their run."
    )
    when_deleted: Literal["Delete", "Retain"] = Field(default="Delete", description="Claims when the Sweep is deleted.")
