"""Object metadata and conditions, as far as decisions read them."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from sweep_operator.api.model import Model, Time, VisibleText

ConditionStatus = Literal["True", "False", "Unknown"]


class OwnerReference(Model):
    """The controller owner of an object."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(Model):
    """What is read of ``metadata``; the rest is kept by the server."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=253)
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    owner_references: list[OwnerReference] = []

    def controller_uid(self) -> str | None:
        """The uid of the controller owner, if there is one."""
        return next((o.uid for o in self.owner_references if o.controller), None)


class Condition(Model):
    """One condition by the Kubernetes API conventions."""

    type: str
    """Type of the condition, such as Succeeded."""
    status: ConditionStatus
    """Status of the condition: True, False or Unknown."""
    reason: VisibleText
    """Machine-readable reason, such as MaxRunsReached."""
    message: VisibleText = ""
    """Human-readable explanation, with the remedy if there is one."""
    last_transition_time: Time
    """Time of the last change of status."""
    observed_generation: int | None = None
    """metadata.generation of the spec that the condition describes."""


def find_condition(conditions: list[Condition], type_: str) -> Condition | None:
    """The condition of that type, or None."""
    for condition in conditions:  # faster than next(), and called most often
        if condition.type == type_:
            return condition
    return None


def with_condition(conditions: list[Condition], new: Condition) -> list[Condition]:
    """``conditions`` with ``new`` in place; its transition time moves only when the status changes."""
    old = find_condition(conditions, new.type)
    if old is not None and old.status == new.status:
        new = new.with_(last_transition_time=old.last_transition_time)
    kept = [c for c in conditions if c.type != new.type]
    return sorted([*kept, new], key=lambda c: c.type)
