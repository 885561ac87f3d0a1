"""The request of a run, put together again from its provenance and the runs that exist."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sweep_operator.api.progress import CurvePoint
from sweep_operator.api.suggestion import BudgetLeft, Provenance
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import NOTHING_EARLIER, Observation, PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.suggest.messages import Proposal
from sweep_operator.suggest.provenance import provenances, read_curve_points
from sweep_operator.suggest.replay import NotReplayable, request_of
from tests.builders import earlier
from tests.decide.given import decide, finished, job, pod, run, snapshot, started, sweep

OLD = earlier(Observation({"x": 0.7}, 3.0, None))


def told(request: SuggestRequest, index: int) -> Provenance:
    found = provenances(request)(Proposal(index=index, parameters={"x": 0.5}, origin="model", digest="0"))
    assert found is not None
    return found


def suggested(index: int, told: Provenance) -> SweepRun:
    of = run(index, origin="model")
    return of.with_(spec=of.spec.with_(provenance=told))


def world() -> tuple[Any, list[SweepRun], SuggestRequest]:
    """Runs 0 and 2 have ended, 1 and a manual run have not, and a manual run has: three suggestions are requested."""
    s = sweep(limits={"maxRuns": 19, "maxParallelRuns": 5, "totalCost": 100})
    mine = finished(s, 9, 0.9, x=0.3)
    done = mine.with_(metadata=mine.metadata.with_(name="mine"), spec=mine.spec.with_(index=None, origin="manual"))
    runs = [finished(s, 0, 0.1, x=0.1), started(s, 1, x=0.9), finished(s, 2, 0.2, x=0.2), run(None, name="late"), done]
    plan = decide(snapshot(s, runs, [job(runs[1])], [pod(runs[1])]))
    assert plan.suggest is not None
    return s, runs, plan.suggest


def test_the_request_is_put_together_from_what_has_ended_since() -> None:
    s, runs, asked = world()
    later = suggested(4, told(asked, 4))
    now = [finished(s, 1, 0.5, x=0.9), *(r for r in runs if r.spec.index != 1), run(3), later, finished(s, 5, 1.0)]
    request = request_of(s, now, NOTHING_EARLIER, later)
    assert sorted(o.score for o in request.observations if o.score is not None) == [0.1, 0.2, 0.9]
    assert {p.name for p in request.pending} == {"s.r.1", "late", "s.r.3"}
    assert (request.index, len(asked.observations)) == (4, 3)
    assert request.left == asked.left, "as it was then, although more is spent now"
    assert asked.left == BudgetLeft(cost=70.0, share=0.7, runs=21)
    old = later.with_(spec=later.spec.with_(provenance=told(dataclasses.replace(asked, left=None), 4)))
    assert request_of(s, now, NOTHING_EARLIER, old).left is None, "what was stored before budgets"


def test_what_is_missing_is_named() -> None:
    s, runs, asked = world()
    later = suggested(3, told(asked, 3))
    with pytest.raises(NotReplayable, match=r"pending no longer exist: late$"):
        request_of(s, [r for r in runs if r.name != "late"], NOTHING_EARLIER, later)
    with pytest.raises(NotReplayable, match="3 results, of which 2 exist"):
        request_of(s, runs[1:], NOTHING_EARLIER, later)
    with pytest.raises(NotReplayable, match="has no provenance"):
        request_of(s, runs, NOTHING_EARLIER, run(3))
    assert len(request_of(s, runs[1:], OLD, later).observations) == 2, "the digest of the inputs tells them apart"


def test_the_provenance_goes_from_the_suggestion_to_the_run() -> None:
    s, runs, asked = world()
    found = told(asked, 3)
    ready = Suggested((Suggestion(3, {"x": 0.5}, "model", None, found),))
    plan = decide(snapshot(s, runs, [job(runs[1])], [pod(runs[1])], suggested=ready))
    assert [c.provenance for c in plan.create] == [found]
    assert found.left == asked.left
    assert (found.pending, found.pending_runs, found.through_index, found.observations) == ("1", ["late"], 2, 3)


def read(of: SweepRun, steps: int) -> SweepRun:
    """The run after reports up to a step."""
    curve = [CurvePoint(step=step, value=step / 100, seconds=float(step)) for step in range(1, steps + 1)]
    return of.with_(status=of.status.with_(curve=curve))


def test_the_points_of_running_runs_are_those_that_were_known_then() -> None:
    _, runs, _ = world()
    s = sweep(
        limits={"maxRuns": 19, "maxParallelRuns": 5},
        train={"image": "i", "command": ["train"], "reports": {"maxStep": 100}},
    )
    runs = [read(runs[0], 100), read(started(s, 1, x=0.9), 20), read(runs[2], 100), *runs[3:]]
    asked = decide(snapshot(s, runs, [job(runs[1])], [pod(runs[1])])).suggest
    assert asked is not None
    curves = {p.name: p.curve for p in asked.pending}
    assert [len(curves["s.r.1"]), len(curves["late"])] == [4, 0], "20 steps: 1, 2-3, 4-7 and 8-15 are complete"
    assert told(asked, 3).curve_points == "4:1"
    later = suggested(3, told(asked, 3))
    for now in (read(runs[1], 90), read(finished(sweep(), 1, 0.5, x=0.9), 100)):
        request = request_of(s, [now, *(r for r in runs if r.spec.index != 1), later], NOTHING_EARLIER, later)
        assert {p.name: p.curve for p in request.pending} == curves
        assert sorted(map(str, request.observations)) == sorted(map(str, asked.observations))
    earlier_version = suggested(3, told(asked, 3).with_(curve_points=None))
    without = request_of(s, [*runs, earlier_version], NOTHING_EARLIER, earlier_version)
    assert not any(o.curve for o in without.observations)
    assert not any(p.curve for p in without.pending)


def test_the_number_of_points_is_written_by_ranges_of_indices() -> None:
    pending = [
        PendingRun(f"r{i}", i, {}, ((0.5, 1.0, None),) * n) for i, n in ((4, 2), (7, 2), (8, 2), (9, 5), (10, 0))
    ]
    manual = PendingRun("mine-3", None, {}, ((0.5, 1.0, None),))
    found = told(SuggestRequest(11, 1, (), (*pending, manual)), 11).curve_points
    assert found == "1:mine-3;2:4,7-8;5:9"
    assert read_curve_points(found) == {"mine-3": 1, 4: 2, 7: 2, 8: 2, 9: 5}
    assert told(SuggestRequest(11, 1, (), ()), 11).curve_points is None
