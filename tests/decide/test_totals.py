"""Sums over runs that are kept current run by run: the same as from scratch, in whatever order the runs change."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protein.analysis.pareto import nondominated
from sweep_operator.api.sweeprun import STAGES
from sweep_operator.decide.book import RunBook
from sweep_operator.decide.facts import FailureFacts, RunFacts
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.totals import Goal, Totals
from tests.decide.given import at

HASHES = ("a", "a", "b", None)
COUNTS = ("always", "before the first success", "never")
SCORES = st.sampled_from([0.0, 1.0, None])
"""Without a score, a run is not among the best ones, whose removal builds every sum again."""
COSTS = st.sampled_from([0.0, 1.0])
NUMBERS = st.sampled_from([0.0, 0.1, 0.2, 1e16, 1e-320, 1e300])
SIDES = st.sampled_from([-1, 0, 1, None])
DENSITIES = st.none() | NUMBERS
FAILURES = st.builds(
    FailureFacts,
    st.sampled_from(["crash", "parameters", "stopped", None]),
    st.sampled_from(["OOMKilled", "SyntaxError"]),
    st.text("m", max_size=1),
    st.sampled_from(COUNTS),
)


@st.composite
def facts(draw: Any, others: int = 0) -> RunFacts:
    """Few names, scores, costs and times, so that they meet. ``others``: number of objectives after the first."""
    number = draw(st.integers(0, 5))
    index = number if number < 4 else None
    name = f"s.r.{number}"
    state = draw(st.sampled_from(["pending", "running", "evaluating", *["succeeded", "failed"] * 4]))
    values: dict[str, Any] = {"parameters": {"x": number / 7}, "spent": draw(NUMBERS), "wasted": draw(NUMBERS)}
    if state in ("succeeded", "failed"):
        values["ended"] = float(draw(st.integers(0, 3)))
        values["decided"] = at(draw(st.integers(0, 2)))
        sides = {"score_side": draw(SIDES), "cost_side": draw(SIDES)}
        values["observation"] = draw(st.sampled_from([None, Observation({"x": number / 7}, 1.0, 2.0, **sides)]))
    if state == "succeeded":
        values |= {"score": draw(SCORES), "cost": draw(COSTS) if draw(st.integers(0, 4)) else None}
        values |= {"score_density": draw(DENSITIES), "cost_density": draw(DENSITIES), "within": draw(st.booleans())}
        if others:
            values["columns"] = draw(st.none() | st.tuples(*[COSTS] * others))
    elif state == "failed":
        values["failure"] = draw(FAILURES)
    elif state != "pending":
        values["waits"] = draw(st.sampled_from([None, ("Queued", "q"), ("Unschedulable", name)]))
    values["proven"] = draw(st.sampled_from([(), ("train",), ("train", "eval")]))
    flags = {"imported": draw(st.booleans()), "delivered": draw(st.booleans())}
    return RunFacts(name=name, index=index, state=state, template_hash=draw(st.sampled_from(HASHES)), **flags, **values)


OTHERS = st.integers(0, 2)
CHANGES = OTHERS.flatmap(
    lambda others: st.lists(st.one_of(facts(others), st.integers(0, 5).map("s.r.{}".format)), max_size=30)
)
"""New facts of a run, or the name of one that is deleted."""
GOALS = st.sampled_from(["maximize", "minimize"])


def every_sum(totals: Totals) -> dict[Any, Any]:
    numbers = ("own", "open", "holding", "failures", "ended", "delivered", "observations", "best_score", "best_run")
    numbers += ("reached_score",)
    found = {name: getattr(totals, name) for name in (*numbers, "highest_index")}
    found |= {name: getattr(totals, name)() for name in ("counts", "best", "pareto", "latest_failures", "waits")}
    found |= {"costs": totals.costs("seconds"), "start failures": totals.start_failures()}
    found |= {f"{stage} proven": totals.has_proven(stage) for stage in STAGES}
    found |= {(h, s): totals.consecutive_failures(h, s) for h in HASHES if h is not None for s in (None, at(1))}
    return found | {f"calibration of {q}": totals.calibration(q) for q in ("score", "cost")}  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(CHANGES, GOALS)
def test_any_order_of_changes_equals_the_sums_from_scratch(changes: list[RunFacts | str], goal: Goal) -> None:
    book, runs = RunBook(goal), {}
    for change in changes:
        assert book.totals is not None, "the sums are read between the changes, as passes do"
        if isinstance(change, str):
            book.drop(change)
            runs.pop(change, None)
        else:
            book.put(change)
            runs[change.name] = change
    scratch = RunBook(goal, sorted(runs.values(), key=lambda run: run.order))
    assert every_sum(book.totals) == every_sum(scratch.totals)
    assert book.after([]).observations() == scratch.after([]).observations()
    assert book.after([]).pending() == scratch.after([]).pending()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(facts(), max_size=12), st.lists(facts(), max_size=4), GOALS)
def test_an_outlook_is_the_book_after_the_changes(before: list[RunFacts], then: list[RunFacts], goal: Goal) -> None:
    book = RunBook(goal, {run.name: run for run in before}.values())
    known = every_sum(book.totals)
    changed = {run.name: run for run in then if run.name in book.facts}
    outlook = book.after(changed.values())
    assert every_sum(book.totals) == known, "the book has not changed"
    for run in changed.values():
        book.put(run)
    assert every_sum(outlook.totals) == every_sum(book.totals)
    assert outlook.observations() == book.after([]).observations()
    assert outlook.pending() == book.after([]).pending()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(OTHERS.flatmap(lambda others: st.lists(facts(others), max_size=12)), GOALS)
def test_the_sums_are_those_of_their_definitions(given_: list[RunFacts], goal: Goal) -> None:
    runs = sorted({run.name: run for run in given_}.values(), key=lambda run: run.order)
    totals = RunBook(goal, runs).totals
    sign, scored = 1 if goal == "maximize" else -1, [run for run in runs if run.score is not None]
    known = [r for r in scored if r.cost is not None and r.columns is not None]
    within = [r for r in known if r.within] or known
    places = nondominated([(sign * r.score, -r.cost, *r.columns) for r in within])  # type: ignore[operator, misc]
    assert {point.run for point in totals.pareto()} == {within[place].name for place in places}
    assert [point.cost for point in totals.pareto()] == sorted(point.cost for point in totals.pareto())
    counted = [r for r in scored if r.within] or scored
    assert [b.score for b in totals.best()] == sorted((r.score for r in counted), key=lambda y: -sign * y)  # type: ignore[operator]
    spent = sum((Fraction(run.spent) for run in runs), Fraction())
    assert totals.costs("seconds").spent == float(spent), "rounded once"
    for template in ("a", "b"):
        ended = sorted((r for r in runs if r.ended is not None and r.template_hash == template), key=lambda r: r.moment)
        successes = [n for n, run in enumerate(ended) if run.failure is None]
        since = ended[successes[-1] + 1 :] if successes else ended
        counted = {"always"} if successes else {"always", "before the first success"}
        failed = [run for run in since if run.failure is not None and run.failure.counts in counted]
        assert totals.consecutive_failures(template) == len(failed)
