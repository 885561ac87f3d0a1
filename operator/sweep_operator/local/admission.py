"""Admission for the embedded API server: schema, defaults and policies of Sweeps and SweepRuns."""

from __future__ import annotations

from typing import TypeVar

from sweep_operator.api.errors import FieldError, InvalidObject, parse
from sweep_operator.api.names import API_VERSION
from sweep_operator.api.stored import keep_unknown, read, read_with_errors
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.immutability import check_edit, check_run_edit, check_run_name
from sweep_operator.kube.protocol import Invalid, Kind, Object

T = TypeVar("T", Sweep, SweepRun)


class Refused(Invalid):
    """Admission rejected an object. ``errors`` contains an error for each invalid field."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def admit(kind: Kind, new: Object, old: Object | None) -> Object:
    """Return ``new`` with defaults filled in. Raises Refused."""
    if kind not in (Kind.SWEEP, Kind.SWEEP_RUN):
        return new
    try:
        spec, errors = _checked_sweep(new, old) if kind == Kind.SWEEP else _checked_run(new, old)
    except InvalidObject as error:
        raise Refused(error.errors) from None
    if errors:
        raise Refused(errors)
    return {**new, "apiVersion": API_VERSION, "kind": kind.value, "spec": spec}


def _checked_sweep(new: Object, old: Object | None) -> tuple[Object, list[FieldError]]:
    sweep, spec = _checked(Sweep, new, old)
    return spec, [] if old is None else check_edit(read(Sweep, old).spec, sweep.spec)


def _checked_run(new: Object, old: Object | None) -> tuple[Object, list[FieldError]]:
    run, spec = _checked(SweepRun, new, old)
    return spec, check_run_name(run) if old is None else check_run_edit(read(SweepRun, old), run)


def _checked(model: type[T], new: Object, old: Object | None) -> tuple[T, Object]:
    """The object, and its spec with defaults. Fields that a newer version stored stay. Raises InvalidObject."""
    if old is None:
        obj = parse(model, new)
        return obj, obj.spec.to_json()
    obj, errors = read_with_errors(model, new)
    if new.get("spec") == old.get("spec"):
        return obj, new["spec"]
    if errors:
        raise InvalidObject(errors)
    return obj, keep_unknown(type(obj.spec), new["spec"], obj.spec.to_json())
