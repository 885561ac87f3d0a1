"""Whether a Sweep can be carried out, and what its status says when it cannot even be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition, with_condition
from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.accept import check_spec
from sweep_operator.kube.protocol import Object
from sweep_operator.manifests.check import check_manifests


def check_sweep(sweep: Sweep, config: OperatorConfig, require_image: bool) -> list[FieldError]:
    """Everything that is wrong with a spec beyond its types. ``require_image``: a container needs one."""
    return [*check_spec(sweep.spec), *check_manifests(sweep, config, require_image=require_image)]


def refusal(obj: Object, errors: Sequence[FieldError], now: datetime) -> JsonObject:
    """The status of a Sweep that cannot be read: Accepted=False, everything else as it was."""
    status: JsonObject = dict(obj.get("status") or {})
    generation = obj["metadata"].get("generation")
    condition = Condition(
        type="Accepted",
        status="False",
        reason="Invalid",
        message="; ".join(map(str, errors))[:2048],
        last_transition_time=now,
        observed_generation=generation,
    )
    known = [Condition.model_validate(c) for c in status.get("conditions") or []]
    status["conditions"] = [c.to_json() for c in with_condition(known, condition)]
    status["observedGeneration"] = generation
    return status
