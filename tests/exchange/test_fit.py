"""Rows of other sweeps in the terms of this one: names, types, score, cost; and a finding for everything ignored."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation
from sweep_operator.exchange.fit import Fitted, Names, fit
from sweep_operator.exchange.read import read_rows
from sweep_operator.exchange.row import CellText, Row, RowFailure
from tests.builders import make_sweep


def sweep(**spec: Any) -> Sweep:
    return make_sweep().spec(**spec).build()


def row(result: Any = "succeeded", **fields: Any) -> Row:
    return Row(**{"where": "line 7", "result": result, "parameters": {"trainer.lr": 1e-3, "trainer.batch_size": 64},
                  "score": 1.0 if result == "succeeded" else None,
                  "failure": RowFailure() if result == "failed" else None, **fields})  # fmt: skip


def only(fitted: Fitted) -> Observation:
    (found,) = fitted.rows
    assert found.observation is not None
    return found.observation


def test_values_get_the_types_of_the_sweep() -> None:
    found = only(fit([row(parameters={"trainer.lr": CellText("1e-3"), "trainer.batch_size": 64.0}, cost=3.0)], sweep()))
    assert found == Observation({"trainer.lr": 1e-3, "trainer.batch_size": 64}, 1.0, 3.0)
    assert [type(v) for v in found.parameters.values()] == [float, int]


def test_mapped_names_are_found_in_parameters_columns_and_fixed() -> None:
    source = row(parameters={"lr": 0.01}, columns={"x": CellText("3")}, fixed={"bs": 128, "seed": 1})
    fitted = fit([source], sweep(), Names({"trainer.lr": "lr", "trainer.batch_size": "bs"}))
    assert only(fitted).parameters == {"trainer.lr": 0.01, "trainer.batch_size": 128}
    assert fitted.texts() == ["not used by this sweep: x"]


@pytest.mark.parametrize(
    ("names", "fields", "score"),
    [
        (Names(), {}, 1.0),
        (Names(), {"metric": "reward"}, 1.0),
        (Names(), {"metric": "loss", "metrics": {"reward": 5.0}}, 5.0),
        (Names(), {"metric": "loss"}, None),
        (Names(), {"metric": "loss", "sweep_metric": "loss"}, 1.0),
        (Names(), {"metric": "loss", "sweep_metric": "loss", "goal": "maximize"}, 1.0),
        (Names(), {"metric": "loss", "sweep_metric": "loss", "goal": "minimize"}, None),
        (Names(), {"score": None, "columns": {"reward": CellText("4")}}, 4.0),
        (Names(), {"score": None}, None),
        (Names(metric="acc"), {"metrics": {"acc": 3.0}}, 3.0),
        (Names(metric="acc"), {"metric": "acc"}, 1.0),
        (Names(metric="acc"), {}, None),
    ],
)
def test_score_source(names: Names, fields: dict[str, Any], score: float | None) -> None:
    fitted = fit([row(**fields)], sweep(), names)
    if score is None:
        assert fitted.rows == ()
        told = "; the source's metric is 'loss' (goal: minimize); to use it, select it with metric"
        text = f"1 run without metric {names.metric or 'reward'!r}: line 7"
        assert fitted.texts("unscored") == [text + (told if "sweep_metric" in fields else "")]
        assert fitted.unused == 1
    else:
        assert fitted.unused == 0
        assert only(fitted).score == score


def test_costs_of_another_source_are_ignored_unless_cost_is_set() -> None:
    source = row(cost=5.0, cost_source="GPUSeconds", metrics={"hours": 2.0})
    fitted = fit([source], sweep())
    assert only(fitted).cost is None
    assert fitted.texts("cost") == [
        "ignoring GPUSeconds costs, since this sweep uses WallClock; select another cost with cost"
    ]
    assert only(fit([source], sweep(), Names(cost="hours"))).cost == 2.0
    assert only(fit([row(cost=5.0, cost_source="WallClock")], sweep())).cost == 5.0


@pytest.mark.parametrize(
    ("class_", "observation"),
    [
        ("parameters", Observation({"trainer.lr": 1e-3, "trainer.batch_size": 64}, None, 3.0, is_failure=True)),
        ("crash", Observation({"trainer.lr": 1e-3, "trainer.batch_size": 64}, None, 3.0, is_failure=True)),
        ("timeout", Observation({"trainer.lr": 1e-3, "trainer.batch_size": 64}, None, 3.0, cost_is_lower_bound=True)),
        (
            "pruned",
            Observation({"trainer.lr": 1e-3, "trainer.batch_size": 64}, 0.25, 3.0, cost_is_lower_bound=True),
        ),
        ("eval", None), ("preempted", None), ("infrastructure", None), ("stopped", None),
    ],
)  # fmt: skip
def test_observation_of_each_failure_class(class_: str, observation: Observation | None) -> None:
    (found,) = fit([row("failed", cost=3.0, failure=RowFailure(class_), last_report=0.25)], sweep()).rows
    assert found.observation == observation


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"parameters": {"trainer.lr": "fast"}}, "line 7: trainer.lr: 'fast' is not a number, as log_normal needs"),
        ({"parameters": {"trainer.lr": CellText("fast")}}, "line 7: trainer.lr: 'fast' is not a number"),
        ({"parameters": {"trainer.lr": True}}, "line 7: trainer.lr: True is not a number"),
        ({"parameters": {"trainer.lr": [1]}}, "line 7: trainer.lr: [1] is not a number, string or boolean"),
        ({"parameters": {"trainer.lr": CellText("nan")}}, "line 7: trainer.lr: 'nan' is not a number"),
        ({"parameters": {"trainer.batch_size": 48.5}}, "line 7: trainer.batch_size: 48.5 is not an integer"),
        ({"score": None, "columns": {"reward": CellText("high")}}, "line 7: reward: 'high' is not a number"),
        ({"score": None, "columns": {"reward": CellText("NaN")}}, "line 7: reward: nan is not finite"),
    ],
)
def test_rows_with_invalid_values_are_skipped_and_reported(fields: dict[str, Any], text: str) -> None:
    fitted = fit([row(**fields), row()], sweep())
    assert len(fitted.rows) == 1
    assert fitted.texts("invalid")[0].startswith(text)


def test_missing_parameters_are_reported_with_a_similar_name() -> None:
    source = [row(parameters={"trainer.lr": 0.1}, columns={"batch_sizes": CellText("3")})]
    assert fit(source, sweep()).texts("missing") == [
        "trainer.batch_size is not in any run; map its name or add a column (search center: 128)"
    ]
    near = [row(parameters={"trainer.lr": 0.1, "old.batch_size": 3})]
    assert (
        fit(near, sweep())
        .texts("missing")[0]
        .startswith("trainer.batch_size is not in any run; did you mean 'old.batch_size'? (search")
    )
    some = [row(), row(parameters={"trainer.lr": 0.1})]
    assert fit(some, sweep()).texts("partly") == [
        "trainer.batch_size is missing in 1 of 2 runs; using its search center 128"
    ]
    unmatched = fit([row(parameters={"a": 1})], sweep())
    assert unmatched.rows == ()
    assert unmatched.texts("missing") == [
        "1 run without any of the parameters trainer.batch_size, trainer.lr: line 7; map the names that the source uses"
    ]


def test_a_conditional_parameter_may_be_absent() -> None:
    parameters = {
        "opt": {"distribution": "categorical", "values": ["adam", "sgd"]},
        "momentum": {"distribution": "uniform", "min": 0, "max": 1, "when": {"parameter": "opt", "in": ["sgd"]}},
    }
    text = "opt,momentum,score\nadam,,1\nsgd,0.5,2\n"
    fitted = fit(read_rows(text, "f", "csv"), sweep(parameters=parameters))
    assert [f.parameters for f in fitted.rows] == [{"opt": "adam"}, {"opt": "sgd", "momentum": 0.5}]
    assert fitted.texts() == []


def test_runs_without_a_final_result_are_skipped_and_reported() -> None:
    fitted = fit([row("open"), row("open"), row()], sweep())
    assert len(fitted.rows) == 1
    assert fitted.texts("open") == ["2 runs without a final result: line 7, line 7"]
