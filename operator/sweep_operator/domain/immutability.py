"""Immutable fields. The CRD and the admission policy have the same rules; this is for local mode and other clusters."""

from __future__ import annotations

import re

from sweep_operator.api.errors import FieldError
from sweep_operator.api.sweep import SweepSpec
from sweep_operator.api.sweeprun import SweepRun

_FIELDS = {"display_name": "displayName", "metric_": "metric", "goal_": "goal", "seed": "seed", "cost": "cost"}
_REMEDY = "is immutable; create a new Sweep (with warmStart.from, it starts with the results of this one)"


def check_edit(old: SweepSpec, new: SweepSpec) -> list[FieldError]:
    """Errors of an edit of a Sweep's spec."""
    errors = [
        FieldError(f"spec.{name}", f"{_REMEDY}; it is {_shown(old, field)}")
        for field, name in _FIELDS.items()
        if getattr(old, field) != getattr(new, field)
    ]
    if _objectives(old) != _objectives(new):
        errors.append(FieldError("spec.objectives", f"only the thresholds can be edited; {_REMEDY.partition('; ')[2]}"))
    errors += [
        FieldError(f"spec.parameters['{path}']", f"the set of parameters {_REMEDY}")
        for path in sorted(old.parameters.keys() ^ new.parameters.keys())
    ]
    for path in sorted(old.parameters.keys() & new.parameters.keys()):
        for field in ("distribution", "values", "when"):
            if getattr(old.parameters[path], field) != getattr(new.parameters[path], field):
                errors.append(FieldError(f"spec.parameters['{path}'].{field}", _REMEDY))
    return errors


def check_run_edit(old: SweepRun, new: SweepRun) -> list[FieldError]:
    """Errors of an edit of a SweepRun's spec: only ``stop`` can be changed."""
    if old.spec.with_(stop=False) == new.spec.with_(stop=False):
        return []
    return [FieldError("spec", "is immutable except for stop; create a new SweepRun")]


def check_run_name(run: SweepRun) -> list[FieldError]:
    """Errors of a name of the form ``<sweep>.r.<n>``, which only the operator may use."""
    reserved = re.fullmatch(re.escape(run.spec.sweep_name) + r"\.r\.(\d+)", run.name)
    if run.spec.index is None and reserved:
        return [
            FieldError(
                "metadata.name", f"{run.name!r} is reserved for runs that the operator creates; choose another name"
            )
        ]
    if run.spec.index is not None and (reserved is None or int(reserved.group(1)) != run.spec.index):
        return [FieldError("spec.index", f"{run.spec.index} is reserved for the operator; remove it from a manual run")]
    return []


def _objectives(spec: SweepSpec) -> list[tuple[str, str]]:
    return [(objective.metric, objective.goal) for objective in spec.objectives]


def _shown(spec: SweepSpec, field: str) -> str:
    value = spec.to_json().get(_FIELDS[field])
    return "unset" if value is None else repr(value)
