"""The search center: what a run gets for a parameter that nobody chose."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import ParameterSpec, typed_value


def search_center(parameters: Mapping[str, ParameterSpec]) -> dict[str, Scalar]:
    """Every parameter's ``mean``, else the middle of its transformed range; inactive conditional ones are absent."""
    values = {path: _center(spec) for path, spec in parameters.items()}
    return {
        path: value
        for path, value in values.items()
        if (when := parameters[path].when) is None or values[when.parameter] in when.in_
    }


def _center(spec: ParameterSpec) -> Scalar:
    if spec.mean is not None:
        return typed_value(spec, spec.mean)
    if spec.distribution == "categorical":
        return (spec.values or [""])[0]
    low, high = spec.min or 0.0, spec.max or 0.0
    match spec.distribution:
        case "uniform_pow2":
            return int(2 ** _round((math.log2(low) + math.log2(high)) / 2))
        case "log_normal":
            return math.exp((math.log(low) + math.log(high)) / 2)
        case "logit_normal" if spec.symmetric:
            middle = (math.log(low / (1 - low)) + math.log(high / (1 - high))) / 2
            return 1 / (1 + math.exp(-middle))
        case "logit_normal":
            return 1 - math.exp((math.log1p(-low) + math.log1p(-high)) / 2)
        case _:
            middle = (low + high) / 2
            if spec.step is not None:
                middle = low + spec.step * _round((middle - low) / spec.step)
            return _round(middle) if spec.distribution == "int_uniform" else middle


def _round(value: float) -> int:
    """Half up, so that the middle of an even number of cells is the upper one everywhere."""
    return math.floor(value + 0.5)
