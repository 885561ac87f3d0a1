"""New runs: how many the Sweep needs, and their parameters from the optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweep_operator.api.names import run_object_name
from sweep_operator.decide.book import Outlook
from sweep_operator.decide.limits import budget_left
from sweep_operator.decide.plan import NOTHING_EARLIER, CreateRun, Event, PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Snapshot, Suggestion
from sweep_operator.decide.totals import Totals

AHEAD = 4
"""Suggestions that are computed before a slot is free, or more if slots need more at once, but at most one for each
slot. If results do not change them, there is one for each slot."""
RESULTS_PER_SUGGESTION = 8
"""If results do not change them, there is at least one for so many results. A request contains all results, so with
few suggestions in each, the work for one run would grow with the number of runs."""


@dataclass(frozen=True)
class Growth:
    """Runs to create, suggestions to compute, and whether the observations of the warm start are needed first."""

    create: tuple[CreateRun, ...] = ()
    suggest: SuggestRequest | None = None
    read_warm_start: bool = False


def grow(snap: Snapshot, runs: Outlook) -> Growth:
    """Fill the free slots of a Sweep that has not reached its end, and have suggestions ready for the next ones."""
    totals = runs.totals
    left = _left(snap, totals)
    if snap.ended or not snap.accepted or snap.sweep.spec.suspend or left <= 0:
        return Growth()
    most = snap.sweep.spec.limits.max_parallel_runs
    wanted = min(max(0, most - totals.open - snap.unanswered), left)
    index = next_index(snap, totals)
    again = snap.uncreated[:wanted]
    fresh = tuple(_create(s) for s in _ready(snap, index)[: wanted - len(again)])
    create = (*again, *fresh)
    waiting = max(0, totals.open - most)  # they get the next slots
    lasting = _is_lasting(snap)
    useful = (
        max(most, totals.observations // RESULTS_PER_SUGGESTION) if lasting else min(most, max(AHEAD, snap.at_once))
    )
    missing, ahead = wanted - len(create), max(0, min(useful, left - wanted) - waiting)
    if missing + ahead == 0:
        return Growth(create)
    earlier = snap.warm_start.observations
    if snap.sweep.spec.warm_start is not None and earlier is None:
        return Growth(create, read_warm_start=True)
    request = SuggestRequest(index + len(fresh), 0, runs.observations(), (), missing, earlier or NOTHING_EARLIER)
    # with one run at a time, each result would change what was computed before it
    if not lasting and (most == 1 or not request.known):
        ahead = min(ahead, 0 if request.earlier.count else _design_left(snap, index + wanted - len(again)))
    if missing + ahead == 0:
        return Growth(create)
    new = (PendingRun(run_object_name(snap.sweep.name, c.index), c.index, c.parameters) for c in create)
    pending = (*runs.pending(), *new)
    budget = budget_left(snap, totals, len(request.observations) + len(pending) + left - len(create))
    return Growth(create, replace(request, count=missing + ahead, pending=pending, left=budget, lasting=lasting))


def next_index(snap: Snapshot, totals: Totals) -> int:
    """The lowest index that no run has had, and whose name is not taken."""
    return max(snap.sweep.status.next_index, totals.highest_index + 1, max(snap.burnt, default=-1) + 1)


def fallback_event(snap: Snapshot, create: Sequence[CreateRun]) -> tuple[Event, ...]:
    """One Event for the runs that get random parameters because the optimizer failed."""
    random = [c for c in create if c.origin == "fallback" and c not in snap.uncreated]
    if not random or snap.suggested is None:
        return ()
    count = "1 run gets" if len(random) == 1 else f"{len(random)} runs get"
    return (Event("RandomFallback", f"{count} random parameters: {snap.suggested.error}", None, "Warning"),)


def _is_lasting(snap: Snapshot) -> bool:
    """Whether results do not change the suggestions."""
    limits = snap.sweep.spec.limits
    limited = limits.total_cost is not None or limits.active_deadline_seconds is not None
    return snap.sweep.spec.method != "bayes" and not limited


def _design_left(snap: Snapshot, index: int) -> int:
    """How many of the next suggestions would be the same after the first result: those of the initial design."""
    spec = snap.sweep.spec
    return AHEAD if spec.method != "bayes" else max(0, spec.protein.design_size(len(spec.parameters)) - index)


def _ready(snap: Snapshot, index: int) -> Sequence[Suggestion]:
    """The suggestions at hand for ``index`` and the indices after it. Those of other indices are never used."""
    ready = snap.suggested.suggestions if snap.suggested is not None else ()
    return ready if ready and ready[0].index == index else ()


def _create(s: Suggestion) -> CreateRun:
    return CreateRun(s.index, s.parameters, s.origin, s.prediction, s.provenance)


def _left(snap: Snapshot, totals: Totals) -> int:
    """How many runs may still be created."""
    limits = snap.sweep.spec.limits
    total = limits.max_runs if snap.run_limit is None else min(limits.max_runs, snap.run_limit)
    return total - totals.own - snap.unanswered
