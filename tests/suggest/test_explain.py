"""Questions about a sweep's model, answered by a real optimizer process."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.errors import ConfigError
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations, Observation, SuggestRequest
from sweep_operator.suggest.explain import Explainer, known, question_now
from sweep_operator.suggest.messages import question
from sweep_operator.suggest.propose import Proposer
from sweep_operator.suggest.provenance import provenances
from sweep_operator.views.page.explanations import (
    AskContour,
    AskForecast,
    AskImportance,
    AskOutlook,
    AskPredict,
    AskSlices,
    AskWhy,
    Contour,
    Explanation,
    Importance,
    Outlook,
    Predicted,
    Slices,
    Why,
)
from tests.builders import earlier, sweep_body

PARAMETERS: dict[str, Any] = {
    "lr": {"distribution": "log_normal", "min": 1e-4, "max": 1.0},
    "kind": {"distribution": "categorical", "values": ["a", "b"]},
}
DONE = [{"type": "Succeeded", "status": "True", "reason": "Completed", "lastTransitionTime": "2026-01-01T00:00:00Z"}]


def sweep(**spec: Any) -> Sweep:
    base = {"parameters": PARAMETERS, "limits": {"maxRuns": 50, "maxParallelRuns": 2}, "seed": 1}
    body = sweep_body(
        metadata={"uid": "u"}, status={"cost": {"spent": 100.0, "wasted": 0.0, "unit": "seconds"}}, **base
    )
    body["spec"] = {name: value for name, value in (body["spec"] | spec).items() if value is not None}
    return parse(Sweep, body)


def score(parameters: dict[str, Any]) -> float:
    return -abs(math.log10(parameters["lr"]) + 2) + 0.3 * (parameters["kind"] == "a")


def searched(s: Sweep, count: int) -> list[SweepRun]:
    """That many finished runs, whose parameters the optimizer has suggested, one after the other."""
    runs: list[SweepRun] = []
    proposer = Proposer()
    for index in range(count):
        found = known(s, runs)
        request = SuggestRequest(index, 1, tuple(found.observations), (), 1)
        proposal = next(iter(proposer.answer(question(s, request)))).proposal
        assert proposal is not None
        told = provenances(request)(proposal)
        body = {
            "metadata": {"name": f"{s.name}.r.{index}", "uid": f"u{index}"},
            "spec": {"sweepName": s.name, "index": index, "origin": proposal.origin, "parameters": proposal.parameters},
            "status": {
                "score": score(proposal.parameters),
                "cost": 10.0 + index % 3,
                "metrics": {"size": 5.0 + index},
                "runName": f"My-{s.name}.r.{index}",
                "conditions": DONE,
            },
        }
        run = parse(SweepRun, body)
        runs.append(run.with_(spec=run.spec.with_(provenance=told, prediction=proposal.prediction)))
    return runs


SWEEP = sweep()
RUNS = searched(SWEEP, 9)


Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Asks one process for answers: starting it takes seconds."""
    with asyncio.Runner() as runner:
        explainer = Explainer()

        def answers(
            *questions: Any, of: Sweep = SWEEP, runs: Any = RUNS, before: EarlierObservations = NOTHING_EARLIER
        ) -> list[Explanation]:
            return [runner.run(explainer.explain(of, runs, one, before)) for one in questions]

        yield answers
        runner.run(explainer.close())


def test_every_question_has_its_answer(ask: Ask) -> None:
    at = {"kind": "b"}
    importance, slices, contour, outlook, predicted = ask(
        AskImportance(), AskSlices(), AskContour(x="lr", y="kind", at=at), AskOutlook(runs=3), AskPredict(parameters=at)
    )
    assert isinstance(importance, Importance)
    assert sum(importance.shares.values()) == pytest.approx(1.0)
    assert isinstance(slices, Slices)
    best = max(RUNS, key=lambda run: run.status.score or 0.0)
    assert (slices.run, dict(slices.at)) in [(r.name, r.parameters) for r in RUNS], "the best by posterior mean"
    lr = next(p for p in slices.parameters if p.path == "lr")
    assert len(lr.grid) == len(lr.mean) == len(lr.high) == len(lr.cost or []) == len(lr.cost_low or [])
    assert lr.success is None
    assert lr.allowed is None
    assert isinstance(contour, Contour)
    assert (len(contour.mean), len(contour.mean[0])) == (2, len(contour.grid_x))
    assert contour.run is None
    assert isinstance(outlook, Outlook)
    assert outlook.best is not None
    assert outlook.best_now == best.status.score
    assert outlook.best.low <= outlook.best.expected <= outlook.best.high
    assert outlook.cost is not None
    assert outlook.cost.expected == pytest.approx(33.0, rel=0.15)
    assert outlook.cost_unit == "seconds"
    assert isinstance(predicted, Predicted)
    assert predicted.parameters == {"kind": "b", "lr": pytest.approx(1e-2)}
    assert predicted.cost is not None
    assert predicted.cost.low < 11.0 < predicted.cost.high


def test_why_is_computed_again_from_what_was_known_then(ask: Ask) -> None:
    run = RUNS[-1]
    first, why, named = ask(AskWhy(run=RUNS[0].name), AskWhy(run=run.name), AskWhy(run=run.status.run_name or ""))
    assert isinstance(first, Why)
    assert (first.origin, first.sentences[0][:27]) == ("center", "It is the search center: th")
    assert isinstance(why, Why)
    assert named == why
    assert why.note == "", "bit for bit: the same digest and the same parameters"
    assert (why.origin, why.observations, why.pending) == ("model", 8, 0)
    assert why.acquisition in ("ei", "ucb")
    assert why.nearest is not None
    assert why.nearest.run in [r.name for r in RUNS[:-1]], "no run that came later"
    assert why.best in [r.name for r in RUNS[:-1]]
    assert [p.path for p in why.parameters] == ["lr", "kind"]
    assert why.score is not None
    assert run.spec.prediction is not None
    assert why.score.expected == run.spec.prediction.score
    assert why.nearest.run in why.sentences[1]


def test_what_has_changed_since_is_said(ask: Ask) -> None:
    other = sweep(protein={"acquisition": "ucb"})
    (changed,) = ask(AskWhy(run=RUNS[-1].name), of=other)
    assert "have changed since" in changed.note
    (incomplete,) = ask(AskWhy(run=RUNS[-1].name), runs=RUNS[1:])
    assert incomplete.note.startswith(
        "What it was computed from is not complete: it was computed from 8 results, of which 7"
    )
    assert incomplete.observations == 8


def test_the_warm_start_and_the_objectives_of_the_sweep_count(ask: Ask) -> None:
    rows = [Observation({"lr": 10.0 ** -(i / 3), "kind": "b"}, -9.0 - i, 1.0, metrics={"size": 1.0}) for i in range(6)]
    s = sweep(
        objectives=[{"metric": "reward", "goal": "maximize"}, {"metric": "size", "goal": "minimize", "threshold": 7.0}],
        metric=None,
        goal=None,
    )
    slices, outlook = ask(AskSlices(parameters=["kind"]), AskOutlook(runs=1), of=s, before=earlier(*rows))
    metric = slices.parameters[0].metrics["size"]
    assert len(metric.mean) == 2
    assert metric.low[0] < metric.mean[0] < metric.high[0]
    within = [r.status.score for r in RUNS if r.status.metrics["size"] <= 7.0]
    assert outlook.best_now == max(s for s in within if s is not None), "the best run does not reach the threshold"
    (without,) = ask(AskImportance(), runs=RUNS[:2])
    assert without.shares == {}
    assert without.note == "2 runs have a score; this needs 5."
    (with_rows,) = ask(AskImportance(), runs=RUNS[:2], before=earlier(*rows))
    assert with_rows == without, "the results of a source are none of the sweep"


def test_why_says_the_weights_of_the_sources(ask: Ask) -> None:
    of, last = sweep(warmStart={"from": [{"sweep": "old"}]}), RUNS[-1]
    told = last.spec.provenance
    assert told is not None
    told = told.with_(observations=told.observations + 6, digest=None)
    runs = [*RUNS[:-1], last.with_(spec=last.spec.with_(provenance=told))]
    rows = [Observation({"lr": 10.0 ** -(i / 3), "kind": "b"}, float(i), 1.0) for i in range(6)]
    (why,) = ask(AskWhy(run=last.name), of=of, runs=runs, before=earlier(*rows))
    assert why.sentences[-1].startswith("Weights in the model of the score: Sweep old ")


def test_too_few_runs_are_said_and_no_error(ask: Ask) -> None:
    answers = ask(AskSlices(), AskContour(x="lr", y="kind"), AskOutlook(), AskPredict(parameters={}), runs=RUNS[:3])
    assert [answer.note for answer in answers] == ["3 runs have a score; this needs 5."] * 4
    assert answers[3].parameters == {"kind": "a", "lr": pytest.approx(1e-2)}
    assert answers[3].cost is None


def test_a_finite_budget_limits_the_outlook(ask: Ask) -> None:
    (outlook,) = ask(AskOutlook(runs=20), of=sweep(limits={"maxRuns": 50, "totalCost": 150.0}))
    assert outlook.payable_runs == pytest.approx(4, abs=1)
    assert "limits.totalCost is kept" in " ".join(outlook.assumptions)
    random = sweep(method="random")
    (noted,) = ask(AskOutlook(runs=2), of=random)
    assert noted.note == "The sweep has method random; this is the outlook of method bayes."


def curved(run: SweepRun, points: int = 16) -> SweepRun:
    """The run after that many of 16 reports: its curve approaches its score."""
    final = score(run.parameters)
    reports = [{"step": i, "value": final * (1 - 0.5**i), "seconds": i} for i in range(1, points + 1)]
    return parse(SweepRun, {**run.to_json(), "status": {**run.status.to_json(), "curve": reports}})


def test_the_scores_of_runs_in_progress_are_forecast_from_their_curves(ask: Ask) -> None:
    reports = {"train": {"command": ["x"], "reports": {"maxStep": 16}}}
    done = [curved(run) for run in RUNS]
    last = RUNS[0].to_json()
    body = {**last, "metadata": {"name": "live", "uid": "live"}, "status": {}}
    body["spec"] = {**last["spec"], "parameters": {"lr": 0.02, "kind": "a"}, "index": 9}
    live = curved(parse(SweepRun, body), points=6)
    found, none, few = (
        ask(AskForecast(), of=sweep(**reports), runs=runs)[0] for runs in ([*done, live], done, [*done[:2], live])
    )
    assert list(found.items) == ["live"]
    forecast = found.items["live"]
    assert forecast.low < score({"lr": 0.02, "kind": "a"}) < forecast.high
    assert 0 <= forecast.probability <= 1
    assert (none.items, none.note) == ({}, "No run in progress has reported its score.")
    assert (few.items, few.note) == ({}, "2 finished runs have a learning curve; a forecast needs 4.")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (AskSlices(parameters=["lrr"]), "lrr: is not a parameter of sweep s; did you mean lr?"),
        (AskSlices(at={"lr": "fast"}), "lr: 'fast' is not a number"),
        (AskContour(x="lr", y="lr"), "lr: is both x and y"),
        (AskWhy(run="My-s.r.99"), "no run 'My-s.r.99' in sweep s; did you mean My-s.r."),
    ],
)
def test_invalid_questions_need_no_process(ask: Ask, asked: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ask(asked)


def test_the_question_is_that_of_the_next_suggestion() -> None:
    now = question_now(SWEEP, known(SWEEP, RUNS))
    request = SuggestRequest(9, 1, tuple(known(SWEEP, RUNS).observations), (), 1)
    assert now.with_(index=9, count=1) == question(SWEEP, request)
