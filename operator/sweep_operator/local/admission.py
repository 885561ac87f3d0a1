"""Admission for the embedded API server: schema, defaults and policies of Sweeps and SweepRuns."""

from __future__ import annotations

from sweep_operator.api.errors import FieldError, InvalidObject, parse
from sweep_operator.api.names import API_VERSION
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.immutability import check_edit, check_run_edit, check_run_name
from sweep_operator.kube.protocol import Invalid, Kind, Object


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
    spec = parse(Sweep, new).spec
    return spec.to_json(), [] if old is None else check_edit(parse(Sweep, old).spec, spec)


def _checked_run(new: Object, old: Object | None) -> tuple[Object, list[FieldError]]:
    run = parse(SweepRun, new)
    return run.spec.to_json(), check_run_name(run) if old is None else check_run_edit(parse(SweepRun, old), run)
