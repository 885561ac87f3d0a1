"""JSON as an API server stores it: copies, normalized numbers, merge patches."""

from __future__ import annotations

import math
from typing import Any, TypeVar, cast

from sweep_operator.kube.protocol import Invalid, Object

T = TypeVar("T")
_GO_EXPONENT = 1e21
"""Go writes larger floats with an exponent, and they stay floats."""


def normalize(value: Any, path: str = "") -> Any:
    """A deep copy with numbers as an API server returns them: 1.0 as 1. Raises Invalid if it is not valid JSON."""
    if isinstance(value, dict):
        return {str(k): normalize(v, f"{path}.{k}" if path else str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [normalize(v, f"{path}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid(f"{path}: {value} is not a finite number; JSON does not support it")
        negative_zero = value == 0 and math.copysign(1, value) < 0
        return int(value) if value.is_integer() and abs(value) < _GO_EXPONENT and not negative_zero else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise Invalid(f"{path}: {type(value).__name__} cannot be written as JSON")


def copy(value: T) -> T:
    """A deep copy of JSON."""
    if isinstance(value, dict):
        return cast(T, {k: copy(v) for k, v in value.items()})
    if isinstance(value, list):
        return cast(T, [copy(v) for v in value])
    return value


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy(patch)
    result: Object = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result
