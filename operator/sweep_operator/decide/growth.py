"""New runs: how many the Sweep needs, and their parameters from the optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import summary
from sweep_operator.decide.plan import CreateRun, SuggestRequest
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.domain.ordering import start_order


@dataclass(frozen=True)
class Growth:
    """Runs to create, or what is needed first: suggestions, or the observations of the warm start."""

    create: tuple[CreateRun, ...] = ()
    suggest: SuggestRequest | None = None
    read_warm_start: bool = False


def grow(snap: Snapshot, runs: Sequence[SweepRun]) -> Growth:
    """Fill the free slots of a Sweep that has not reached its end."""
    wanted = _wanted(snap, runs)
    if snap.ended or not snap.accepted or snap.sweep.spec.suspend or wanted <= 0:
        return Growth()
    index, ready = next_index(snap, runs), snap.suggested
    if ready is not None and ready.suggestions and ready.suggestions[0].index == index:
        chosen = ready.suggestions[:wanted]
        return Growth(tuple(CreateRun(s.index, s.parameters, s.origin, s.prediction) for s in chosen))
    earlier = snap.warm_start.observations
    if snap.sweep.spec.warm_start is not None and earlier is None:
        return Growth(read_warm_start=True)
    observed = (summary.observation(r) for r in sorted(runs, key=start_order))
    observations = (*(earlier or ()), *(o for o in observed if o is not None))
    return Growth(suggest=SuggestRequest(index, wanted, observations, summary.pending_parameters(runs)))


def next_index(snap: Snapshot, runs: Sequence[SweepRun]) -> int:
    """The lowest index that no run has had, and whose name is not taken."""
    highest = max((r.spec.index for r in runs if r.spec.index is not None), default=-1)
    return max(snap.sweep.status.next_index, highest + 1, max(snap.burnt, default=-1) + 1)


def _wanted(snap: Snapshot, runs: Sequence[SweepRun]) -> int:
    """Free slots that no existing run will take, within the runs that may still be created."""
    limits, late = snap.sweep.spec.limits, snap.unanswered
    total = limits.max_runs if snap.run_limit is None else min(limits.max_runs, snap.run_limit)
    return min(limits.max_parallel_runs - sum(not r.terminal for r in runs), total - len(summary.own(runs))) - late
