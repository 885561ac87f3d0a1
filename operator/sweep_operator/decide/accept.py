"""Validation of a spec beyond its types."""

from __future__ import annotations

import re2

from sweep_operator.api.constraints import check_constraints
from sweep_operator.api.errors import FieldError
from sweep_operator.api.sweep import SweepSpec


def check_spec(spec: SweepSpec) -> list[FieldError]:
    """Errors of invalid constraints and RE2 patterns."""
    return [*check_constraints(spec), *_patterns(spec)]


def _patterns(spec: SweepSpec) -> list[FieldError]:
    found: list[tuple[str, str]] = []
    for name, stage in (("train", spec.train), ("eval", spec.eval)):
        if stage is not None and stage.results.pattern is not None:
            found.append((f"spec.{name}.results.pattern", stage.results.pattern))
    for number, rule in enumerate(spec.per_run.failure_rules):
        if rule.log_pattern is not None:
            found.append((f"spec.perRun.failureRules[{number}].logPattern", rule.log_pattern))
    errors = []
    for path, pattern in found:
        try:
            re2.compile(pattern)
        except re2.error as error:
            text = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            errors.append(FieldError(path, f"{pattern!r} is not a valid RE2 pattern: {text}"))
    return errors
