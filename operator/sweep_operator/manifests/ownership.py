"""Owner references and labels of the objects that belong to a Sweep or to a run."""

from __future__ import annotations

from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import (
    API_VERSION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    RUN_LABEL,
    RUN_UID_LABEL,
    SWEEP_LABEL,
    SWEEP_UID_LABEL,
)
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun


def owned_by_sweep(sweep: Sweep) -> list[JsonObject]:
    """Owner reference: the garbage collector deletes the object with the Sweep."""
    return [_owner("Sweep", sweep.name, sweep.metadata.uid)]


def owned_by_run(run: SweepRun) -> list[JsonObject]:
    """Owner reference: the garbage collector deletes the object with the run."""
    return [_owner("SweepRun", run.name, run.metadata.uid)]


def sweep_labels(sweep: Sweep) -> dict[str, str]:
    """Labels of every object that belongs to a Sweep."""
    return {SWEEP_LABEL: sweep.name, SWEEP_UID_LABEL: sweep.metadata.uid, MANAGED_BY_LABEL: MANAGED_BY}


def run_labels(sweep: Sweep, run: SweepRun) -> dict[str, str]:
    """Labels of every object that belongs to a run."""
    return {**sweep_labels(sweep), RUN_LABEL: run.name, RUN_UID_LABEL: run.metadata.uid}


def _owner(kind: str, name: str, uid: str) -> JsonObject:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
