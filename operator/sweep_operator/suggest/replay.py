"""Computes the suggestion of a run again, from its recorded provenance and the objects that still exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.api.suggestion import Provenance
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.child_process import ChildFailed, available_memory
from sweep_operator.decide.curves import learned_curve
from sweep_operator.decide.facts import facts_of
from sweep_operator.decide.plan import EarlierObservations, PendingRun, SuggestRequest
from sweep_operator.domain.ordering import start_order
from sweep_operator.suggest.messages import Answer, Proposal, question
from sweep_operator.suggest.process import OptimizerProcess
from sweep_operator.suggest.provenance import read_curve_points, read_ranges

SECONDS = 600.0
"""Time limit for the suggestion."""


class NotReplayable(Exception):
    """What the suggestion was computed from is not known anymore. The message says what is missing."""


async def replay(sweep: Sweep, runs: Sequence[SweepRun], earlier: EarlierObservations, run: SweepRun) -> Proposal:
    """The suggestion for ``run``, computed again. ``earlier``: the observations of the warm start.

    Raises NotReplayable.
    """
    request = request_of(sweep, runs, earlier, run)
    process = OptimizerProcess(SECONDS, available_memory())
    try:
        async with aclosing(process.answers(question(sweep, request).with_(min_gain=None))) as answers:
            answer = await anext(answers)
    except (TimeoutError, ChildFailed) as error:
        raise NotReplayable(f"the optimizer failed: {error or 'no suggestion in time'}") from None
    finally:
        await process.close()
    return _checked(answer, run)


def request_of(sweep: Sweep, runs: Sequence[SweepRun], earlier: EarlierObservations, run: SweepRun) -> SuggestRequest:
    """The request that the run's parameters were the answer to. Raises NotReplayable."""
    provenance, index = run.spec.provenance, run.spec.index
    if provenance is None or index is None:
        raise NotReplayable(f"{run.name} has no provenance (origin {run.spec.origin})")
    others = [r for r in runs if r.spec.index is None or r.spec.index < index]
    waiting = [r for r in others if _was_pending(r, provenance)]
    expected = {*read_ranges(provenance.pending), *range(provenance.through_index + 1, index), *provenance.pending_runs}
    missing = expected - {r.name if r.spec.index is None else r.spec.index for r in waiting}
    if missing:
        raise NotReplayable(f"runs that were pending no longer exist: {', '.join(sorted(map(str, missing)))}")
    ended = [r for r in others if not _was_pending(r, provenance)]
    learned = [(r, o) for r in ended if (o := facts_of(r, sweep, None, OperatorConfig()).observation) is not None]
    indexed = [o for r, o in learned if r.spec.index is not None]
    manual = [o for r, o in sorted(learned, key=lambda pair: _ended_at(pair[0])) if r.spec.index is None]
    left = provenance.observations - earlier.count - len(indexed)
    if not 0 <= left <= len(manual):
        found = earlier.count + len(indexed) + len(manual)
        raise NotReplayable(f"it was computed from {provenance.observations} results, of which {found} exist")
    observations = (*indexed, *manual[:left])
    if provenance.curve_points is None:  # also those of versions that did not learn from curves
        observations = tuple(replace(o, curve=None) for o in observations)
    points = read_curve_points(provenance.curve_points or "")
    pending = tuple(_pending(r, sweep, points) for r in sorted(waiting, key=start_order))
    return SuggestRequest(index, 1, observations, pending, 1, earlier, provenance.left)


def _pending(run: SweepRun, sweep: Sweep, points: Mapping[int | str, int]) -> PendingRun:
    """The run as it was then: the first points of its curve stay as they are while it goes on."""
    count = points.get(run.name if run.spec.index is None else run.spec.index, 0)
    curve = learned_curve(run, sweep, None)[:count] if count else ()
    return PendingRun(run.name, run.spec.index, run.parameters, curve)


def _was_pending(run: SweepRun, provenance: Provenance) -> bool:
    if run.spec.index is None:
        return run.name in provenance.pending_runs
    return run.spec.index > provenance.through_index or run.spec.index in read_ranges(provenance.pending)


def _ended_at(run: SweepRun) -> tuple[str, str]:
    condition = find_condition(run.status.conditions, "Finished")
    return condition.last_transition_time.isoformat() if condition is not None else "", run.name


def _checked(answer: Answer, run: SweepRun) -> Proposal:
    if answer.proposal is None:
        raise NotReplayable(f"the optimizer failed: {answer.error or answer.infeasible}")
    recorded = run.spec.provenance.digest if run.spec.provenance is not None else None
    if recorded not in (None, answer.proposal.digest):
        raise NotReplayable(
            "what it was computed from has changed: optimizer settings, constraints, fixed parameters, or results"
        )
    return answer.proposal
