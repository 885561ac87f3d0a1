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


def short_uid(obj: Sweep | SweepRun) -> str:
    """Eight characters that tell a re-created object from its predecessor."""
    return obj.metadata.uid.replace("-", "")[:8]


def claim_name(run: SweepRun) -> str:
    """The run's own volume.

    A claim may outlive its run (by retention, or while a pod holds it), and a run made anew under the name must find
    neither the old one's checkpoints nor a volume that is about to go.
    """
    return f"{run.name.replace('.', '-')}-{short_uid(run)}"


def wandb_run_id(sweep: Sweep, run: SweepRun) -> str:
    """``<displayName>-<uid8>.r.<n>``: a W&B run id cannot be used again, even after the run was deleted."""
    tail = f"r.{run.spec.index}" if run.spec.index is not None else run.name
    return f"{sweep.display_name}-{short_uid(sweep)}.{tail}"
