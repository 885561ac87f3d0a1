"""Names and seeds that follow from a Sweep and a SweepRun, the same after every restart."""

from __future__ import annotations

import hashlib

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun


def run_display_name(sweep: Sweep, run: SweepRun) -> str:
    """``<displayName>.r.<n>``; a manual run keeps its object's name."""
    return run.name if run.spec.index is None else f"{sweep.display_name}.r.{run.spec.index}"


def run_seed(sweep: Sweep, run: SweepRun) -> int:
    """31 bits from the sweep's seed and the run's index; a manual run's from its uid."""
    identity = f"{sweep.seed}/{run.spec.index}" if run.spec.index is not None else run.metadata.uid
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") >> 1


def belongs(run: SweepRun, sweep: Sweep) -> bool:
    """Whether a run is one of the Sweep's: owned by it, or without an owner and naming it."""
    owner = run.metadata.controller_uid()
    if owner is not None:
        return owner == sweep.metadata.uid
    return run.spec.sweep_name == sweep.name and run.metadata.namespace == sweep.metadata.namespace


def share_of(text: str) -> float:
    """A number from 0 to 1, the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2.0**32


def short_uid(obj: Sweep | SweepRun) -> str:
    """Eight characters that distinguish an object from an earlier one with the same name."""
    return obj.metadata.uid.replace("-", "")[:8]


def claim_name(run: SweepRun) -> str:
    """Name of the run's own claim.

    A claim can outlive its run (by retention, or while a pod uses it). A new run with the same name must not find the
    checkpoints of the old one, or a volume that is being deleted.
    """
    return f"{run.name.replace('.', '-')}-{short_uid(run)}"


def warm_start_name(sweep: str, digest: str) -> str:
    """Name of the ConfigMap with the observations of a Sweep's warm start.

    It depends on their digest, so that no older or foreign ConfigMap is in the way.
    """
    return f"{sweep}-warm-start-{digest[:10]}"


def wandb_run_id(sweep: Sweep, run: SweepRun) -> str:
    """``<displayName>-<uid8>.r.<n>``: a W&B run id cannot be used again, even after the run was deleted."""
    tail = f"r.{run.spec.index}" if run.spec.index is not None else run.name
    return f"{sweep.display_name}-{short_uid(sweep)}.{tail}"
