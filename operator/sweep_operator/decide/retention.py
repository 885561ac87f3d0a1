"""Deletion of the claims of terminal runs, by the retention policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.observed import JobView
from sweep_operator.decide.plan import DeleteClaim, DeleteJob, DeleteJobs, RunPlan
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.totals import Totals
from sweep_operator.domain.identity import claim_name


def claims_to_delete(snap: Snapshot, runs: Sequence[SweepRun], totals: Totals) -> frozenset[str]:
    """Names of those of ``runs`` that have ended and whose claims the retention policy does not keep.

    ``pareto`` keeps the Pareto front and the best run, ``best`` only the best run. A run that is no longer on the front
    loses its claim then.
    """
    retention = snap.sweep.spec.storage.retention
    if retention == "all" or not snap.claims or not snap.accepted:  # an unreadable policy deletes nothing
        return frozenset()
    kept: set[str | None] = set()
    if retention in ("pareto", "best"):
        kept.add(totals.best_run)
    if retention == "pareto":
        kept |= {point.run for point in totals.pareto()}
    return frozenset(r.name for r in runs if r.terminal and r.name not in kept and claim_name(r) in snap.claims)


def without_claims(plans: Sequence[RunPlan], names: frozenset[str], jobs: Sequence[JobView]) -> tuple[RunPlan, ...]:
    """Delete the claims of ``names`` too, after the runs' Jobs: a finished pod blocks the deletion of its claim."""
    return tuple(_without_claim(p, jobs) if p.run.name in names else p for p in plans)


def _without_claim(plan: RunPlan, jobs: Sequence[JobView]) -> RunPlan:
    kept = tuple(a for a in plan.cleanup if not isinstance(a, DeleteJob) or a.stops)
    stopped = {a.name for a in kept if isinstance(a, DeleteJob)}
    own = [j for j in jobs if j.run == plan.run.name and j.owner_uid == plan.run.metadata.uid and not j.deleting]
    delete = () if {j.name for j in own} <= stopped else (DeleteJobs(plan.run.name),)
    return replace(plan, cleanup=(*kept, *delete, DeleteClaim(plan.run.name)))
