"""Admission for the embedded API server: schema, defaults and policies of Sweeps and SweepRuns."""

from __future__ import annotations

from typing import TypeVar

from sweep_operator.api.errors import FieldError, InvalidObject, parse
from sweep_operator.api.names import API_VERSION
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.immutability import check_edit, check_run_edit, check_run_name
from sweep_operator.kube.protocol import Invalid, Kind, Object

M = TypeVar("M", Sweep, SweepRun)


class Refused(Invalid):
    """Admission rejected an object. ``errors`` contains an error for each invalid field."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def admit(kind: Kind, new: Object, old: Object | None) -> Object:
    """Return ``new`` with defaults filled in. Raises Refused."""
    if kind == Kind.SWEEP:
        return _admit_sweep(new, old)
    if kind == Kind.SWEEP_RUN:
        return _admit_run(new, old)
    return new


def _admit_sweep(new: Object, old: Object | None) -> Object:
    sweep = _read(Sweep, new)
    if old is not None:
        _refuse_if(check_edit(parse(Sweep, old).spec, sweep.spec))
    return {**new, "apiVersion": API_VERSION, "kind": Kind.SWEEP.value, "spec": sweep.spec.to_json()}


def _admit_run(new: Object, old: Object | None) -> Object:
    run = _read(SweepRun, new)
    if old is None:
        _refuse_if(check_run_name(run))
    else:
        _refuse_if(check_run_edit(parse(SweepRun, old), run))
    return {**new, "apiVersion": API_VERSION, "kind": Kind.SWEEP_RUN.value, "spec": run.spec.to_json()}


def _read(model: type[M], body: Object) -> M:
    try:
        return parse(model, body)
    except InvalidObject as error:
        raise Refused(error.errors) from None


def _refuse_if(errors: list[FieldError]) -> None:
    if errors:
        raise Refused(errors)
