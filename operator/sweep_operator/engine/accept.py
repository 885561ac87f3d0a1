"""Validates a Sweep's spec, and builds the status of a Sweep that cannot be parsed."""

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
    """All validation errors of a spec beyond its types. ``require_image``: every container must name an image."""
    problems = [*check_spec(sweep.spec), *check_manifests(sweep, config, require_image=require_image)]
    return [*problems, *_files(sweep)] if require_image else problems


def _files(sweep: Sweep) -> list[FieldError]:
    """Errors for warm-start sources that an operator in a cluster cannot read."""
    sources = sweep.spec.warm_start.from_ if sweep.spec.warm_start is not None else []
    return [
        FieldError(
            f"spec.warmStart.from[{number}].file",
            f"{source.file!r} is a local file, which the operator cannot read; run `kubectl create configmap NAME "
            f"--from-file={source.file}` and use configMap",
        )
        for number, source in enumerate(sources)
        if source.file is not None
    ]


def refusal(obj: Object, errors: Sequence[FieldError], now: datetime) -> JsonObject:
    """The status of a Sweep that cannot be parsed: Accepted=False, everything else unchanged."""
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
