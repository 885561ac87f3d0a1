"""New runs: how many the Sweep needs, and their parameters from the optimizer."""

from __future__ import annotations

from dataclasses import dataclass

from sweep_operator.decide.book import Outlook
from sweep_operator.decide.plan import CreateRun, SuggestRequest
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.totals import Totals


@dataclass(frozen=True)
class Growth:
    """Runs to create, or what is needed first: suggestions, or the observations of the warm start."""

    create: tuple[CreateRun, ...] = ()
    suggest: SuggestRequest | None = None
    read_warm_start: bool = False


def grow(snap: Snapshot, runs: Outlook) -> Growth:
    """Fill the free slots of a Sweep that has not reached its end."""
    wanted = _wanted(snap, runs.totals)
    if snap.ended or not snap.accepted or snap.sweep.spec.suspend or wanted <= 0:
        return Growth()
    index, ready = next_index(snap, runs.totals), snap.suggested
    if ready is not None and ready.suggestions and ready.suggestions[0].index == index:
        chosen = ready.suggestions[:wanted]
        return Growth(tuple(CreateRun(s.index, s.parameters, s.origin, s.prediction) for s in chosen))
    earlier = snap.warm_start.observations
    if snap.sweep.spec.warm_start is not None and earlier is None:
        return Growth(read_warm_start=True)
    observations = (*(earlier or ()), *runs.observations())
    return Growth(suggest=SuggestRequest(index, wanted, observations, runs.pending()))


def next_index(snap: Snapshot, totals: Totals) -> int:
    """The lowest index that no run has had, and whose name is not taken."""
    return max(snap.sweep.status.next_index, totals.highest_index + 1, max(snap.burnt, default=-1) + 1)


def _wanted(snap: Snapshot, totals: Totals) -> int:
    """Free slots that no existing run will take, within the runs that may still be created."""
    limits = snap.sweep.spec.limits
    total = limits.max_runs if snap.run_limit is None else min(limits.max_runs, snap.run_limit)
    return min(limits.max_parallel_runs - totals.open, total - totals.own) - snap.unanswered
