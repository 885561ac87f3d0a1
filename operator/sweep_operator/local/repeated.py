"""A command that a person repeats: retries follow quickly, and a sweep that failed continues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep_operator.decide.start_failure import REMEDIES
from sweep_operator.domain.conditions import condition_of
from sweep_operator.kube.protocol import Object

BACKOFF_SECONDS = 1
"""Default of ``spec.perRun.retries.backoffSeconds``: on one machine a retry waits for no node and no image."""


def with_defaults(manifest: Mapping[str, Any]) -> Object:
    """The manifest with the defaults of local mode. Values of a wrong type are left to the validation."""
    return _filled(manifest, ("spec", "perRun", "retries"), "backoffSeconds", BACKOFF_SECONDS)


def continued(sweep: Object) -> Object | None:
    """A Sweep that has failed, so that it is decided again: the cause may be corrected without a change of the spec."""
    failed = condition_of(sweep, "Succeeded")
    if failed.get("status") != "False":
        return None
    others = [c for c in sweep["status"]["conditions"] if c["type"] != "Succeeded"]
    open_again = {k: v for k, v in failed.items() if k != "observedGeneration"}
    return {**sweep, "status": {**sweep["status"], "conditions": [*others, open_again]}}


def never_started(run: Object) -> bool:
    """Whether the program of the run could not start, so that the run contains nothing and another takes its place."""
    failure = (run.get("status") or {}).get("failure") or {}
    return failure.get("class") == "infrastructure" and failure.get("reason") in REMEDIES


def _filled(obj: Mapping[str, Any], path: tuple[str, ...], field: str, value: Any) -> Object:
    if not path:
        return {field: value, **obj}
    inner = obj.get(path[0])
    if inner is not None and not isinstance(inner, Mapping):
        return dict(obj)
    return {**obj, path[0]: _filled(inner or {}, path[1:], field, value)}
