"""The models refuse what the API says, and every refusal names the field, the value and the remedy."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sweep_operator.api.constraints import CompiledConstraints, check_constraints
from sweep_operator.api.errors import InvalidObject, parse
from sweep_operator.api.parameters import ParameterSpec, env_name, search_center, typed_value
from sweep_operator.api.sweep import Sweep, SweepSpec
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.immutability import check_edit, check_run_edit, check_run_name
from sweep_operator.domain.revisions import RunTemplate
from tests.builders import X, sweep_body

MINIMAL = sweep_body(
    "cartpole",
    goal="maximize",
    parameters={
        "trainer.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4},
        "trainer.batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 1024, "mean": 128},
        "trainer.name": {"distribution": "categorical", "values": ["adamw", "sgd"]},
    },
    limits={"maxRuns": 50, "maxParallelRuns": 2},
    train={"image": "i:1", "command": ["python", "train.py"]},
    eval={"command": ["python", "eval.py"]},
)
LR, BATCH, NAME = ("parameters", "trainer.lr"), ("parameters", "trainer.batch_size"), ("parameters", "trainer.name")


def edited(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(MINIMAL)
    at = body["spec"]
    for key in path[:-1]:
        at = at.setdefault(key, {})
    at[path[-1]] = value
    return body


def test_the_minimal_sweep_is_valid_and_gets_its_defaults() -> None:
    sweep = parse(Sweep, MINIMAL)
    assert sweep.display_name == "cartpole"
    assert sweep.eval is not None
    assert sweep.eval.image == "i:1", "eval inherits train's image"
    assert sweep.run_volume.claim is not None, "a claim where there is an eval"
    assert sweep.spec.limits.max_consecutive_failures == 3
    assert parse(Sweep, json.loads(json.dumps(sweep.to_json()))) == sweep


def test_compact_records_share_their_sets_of_given_fields_and_are_the_same_records() -> None:
    def made() -> Sweep:
        return parse(Sweep, sweep_body())

    first, other, plain = made().compact(), made().compact(), made()
    assert first == plain
    assert first.to_json() == plain.to_json()
    assert first.spec.limits.model_fields_set is other.spec.limits.model_fields_set
    changed = first.spec.with_(suspend=True)
    assert changed.model_fields_set == first.spec.model_fields_set | {"suspend"}
    assert other.spec.model_fields_set == plain.spec.model_fields_set


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        ((*BATCH, "min"), 0, "spec.parameters['trainer.batch_size'].min", "0 is not a power of two; use 1"),
        ((*BATCH, "max"), 1000, "spec.parameters['trainer.batch_size'].max", "use 1024"),
        ((*BATCH, "mean"), 100, "spec.parameters['trainer.batch_size'].mean", "use 128"),
        ((*BATCH, "minn"), 3, "spec.parameters['trainer.batch_size'].minn", "did you mean min?"),
        ((*LR, "min"), 0, "spec.parameters['trainer.lr'].min", "above 0"),
        ((*LR, "min"), 1, "spec.parameters['trainer.lr'].min", "not below max"),
        ((*LR, "mean"), 1, "spec.parameters['trainer.lr'].mean", "outside"),
        ((*LR, "min"), "1e-5", "spec.parameters['trainer.lr'].min", "without quotes"),
        ((*LR, "max"), float("nan"), "spec.parameters['trainer.lr'].max", "finite"),
        ((*LR, "scale"), -1, "spec.parameters['trainer.lr'].scale", "greater than 0"),
        ((*LR, "priorWeight"), -0.5, "spec.parameters['trainer.lr'].priorWeight", "greater than or equal to 0"),
        (("protein", "priorWeight"), 1.5, "spec.protein.priorWeight", "less than or equal to 1"),
        ((*LR, "step"), 0.1, "spec.parameters['trainer.lr'].step", "is for uniform, int_uniform and int_log_normal"),
        ((*LR, "distribution"), "normal", "spec.parameters['trainer.lr'].distribution", "log_normal"),
        ((*NAME, "values"), [], "spec.parameters['trainer.name'].values", "at least 1"),
        ((*NAME, "values"), ["a", "a"], "spec.parameters['trainer.name'].values", "twice"),
        ((*NAME, "mean"), "adam", "spec.parameters['trainer.name'].mean", "not one of the values"),
        ((*NAME, "min"), 1, "spec.parameters['trainer.name'].min", "remove it"),
        (("parameters", "trainer"), X, "spec.parameters['trainer']", "beginning of"),
        (("parameters", "a b"), X, "spec.parameters['a b']", "dotted path"),
        (
            ("parameters", "trainer.batch-size"),
            X,
            "spec.parameters['trainer.batch-size']",
            "environment variable",
        ),
        (
            ("parameters", "x"),
            {**X, "when": {"parameter": "trainer.nam", "in": ["sgd"]}},
            "spec.parameters['x'].when.parameter",
            "unknown parameter",
        ),
        (
            ("parameters", "x"),
            {**X, "when": {"parameter": "trainer.name", "in": ["adam"]}},
            "spec.parameters['x'].when.in",
            "not one of the values",
        ),
        (
            ("parameters", "x"),
            {**X, "when": {"parameter": "trainer.lr", "in": [1]}},
            "spec.parameters['x'].when.parameter",
            "neither categorical nor an integer",
        ),
        (("fixed", "trainer.lr"), 1, "spec.fixed['trainer.lr']", "remove one"),
        (("fixed", "a" + ".a" * 100_000), 1, "spec.fixed['" + ("a." * 128) + "']", "at most 256 characters"),
        (("parameters", "a" + ".a" * 128), X, "spec.parameters['" + "a." * 128 + "...']", "at most 256 characters"),
        (("train", "deadlineSeconds"), 2**62, "spec.train.deadlineSeconds", "less than or equal to 315360000"),
        (("limits", "maxRuns"), -1, "spec.limits.maxRuns", "greater than or equal to 0"),
        (("limits", "totalCost"), "lots", "spec.limits.totalCost", "number"),
        (("goal",), "max", "spec.goal", "maximize"),
        (("limit",), {}, "spec.limit", "did you mean limits?"),
        (("parameters",), {}, "spec.parameters", "at least 1"),
        (("parameters",), None, "spec.parameters", "empty"),
        (("train",), "python", "spec.train", "dictionary"),
        (("train", "env"), [{"name": "A", "value": 1}], "spec.train.env[0].value", "quotes"),
        (("train", "results"), {"source": "Log"}, "spec.train.results.pattern", "requires a pattern"),
        (("train", "reports"), {"pattern": "loss={value}"}, "spec.train.reports.pattern", "no {step}"),
        (("train", "reports"), {"pattern": "at {step}"}, "spec.train.reports.pattern", "no {value}"),
        (("train", "reports"), {"pattern": "{step} {step} {value}"}, "spec.train.reports.pattern", "more than once"),
        (("train", "reports"), {"maxStep": 0}, "spec.train.reports.maxStep", "greater than or equal to 1"),
        (("train", "reports"), {"maxStep": "$(run.seed)"}, "spec.train.reports.maxStep", "$(params.NAME)"),
        (("train", "reports"), {"everySeconds": 0}, "spec.train.reports.everySeconds", "greater than or equal to 1"),
        (("storage", "runVolume"), {}, "spec.storage.runVolume", "exactly one"),
        (("perRun", "failureRules"), [{"class": "crash"}], "spec.perRun.failureRules[0]", "logPattern or exitCodes"),
        (("displayName",), "a/b", "spec.displayName", "letters"),
        (("seed",), -1, "spec.seed", "greater than or equal to 0"),
        (("objectives",), [{"metric": "a"}, {"metric": "a"}], "spec.objectives", "'a' is repeated"),
        (("objectives",), [{"metric": str(n)} for n in range(5)], "spec.objectives", "at most 4"),
        (("objectives",), [{"goal": "minimize"}], "spec.objectives[0].metric", "is missing"),
        (("objectives",), [{"metric": "a"}], "spec.objectives", "remove spec.metric and spec.goal"),
    ],
)
def test_invalid_input_names_field_value_and_remedy(path: tuple[str, ...], value: Any, field: str, says: str) -> None:
    with pytest.raises(InvalidObject) as error:
        parse(Sweep, edited(path, value))
    found = {e.path: e.message for e in error.value.errors}
    assert field in found
    assert says in found[field]


@pytest.mark.parametrize("depth", [65, 500, 900])
def test_deeply_nested_objects_are_rejected(depth: int) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = {"a": deep}
    with pytest.raises(InvalidObject) as error:
        parse(Sweep, sweep_body(train={"command": ["t"], "podTemplate": {"spec": deep}}))
    (problem,) = error.value.errors
    assert problem.path == "spec.train.podTemplate"
    assert "nested more than 64 levels deep" in str(problem)


def test_deadline_factor_needs_wall_clock() -> None:
    body = edited(("cost",), {"source": "Reported"})
    body["spec"]["perRun"] = {"deadlineFactor": 2}
    with pytest.raises(InvalidObject, match="deadlineFactor: needs"):
        parse(Sweep, body)


@pytest.mark.parametrize("change", [{"method": "random"}, {"objectives": [{"metric": "a"}, {"metric": "b"}]}])
def test_the_worth_of_further_runs_needs_a_model_of_one_objective(change: dict[str, Any]) -> None:
    body = sweep_body(method="bayes", stopping={"policy": "WhenNotWorthIt"}, train={"command": ["t"]})
    assert parse(Sweep, body).spec.min_gain == 0.01
    del body["spec"]["metric"]
    body["spec"] |= change
    with pytest.raises(InvalidObject, match=r"stopping\.policy: WhenNotWorthIt needs method bayes and one objective"):
        parse(Sweep, body)


@pytest.mark.parametrize("name", ["My_x", "a.b", "-a", "a" * 41, ""])
def test_names_that_kubernetes_rejects(name: str) -> None:
    with pytest.raises(InvalidObject, match=r"metadata\.name"):
        parse(Sweep, {**MINIMAL, "metadata": {"name": name}})


@pytest.mark.parametrize(
    ("distribution", "value", "typed"),
    [("uniform", 1, 1.0), ("int_uniform", 3.0, 3), ("uniform_pow2", 16.0, 16), ("log_normal", 1, 1.0)],
)
def test_the_type_of_a_value_follows_from_its_distribution(distribution: str, value: float, typed: float) -> None:
    spec = ParameterSpec.model_validate({"distribution": distribution, "min": 1, "max": 64})
    result = typed_value(spec, value)
    assert (result, type(result)) == (typed, type(typed))


@pytest.mark.parametrize("value", ["3", True, 1.5, float("inf")])
def test_values_of_another_type_are_rejected(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not"):
        typed_value(ParameterSpec.model_validate({"distribution": "int_uniform", "min": 1, "max": 9}), value)


def test_categorical_values_keep_their_type() -> None:
    spec = ParameterSpec.model_validate({"distribution": "categorical", "values": [1, True, "1"]})
    assert [type(typed_value(spec, v)) for v in (1, True, "1")] == [int, bool, str]


def test_environment_names() -> None:
    assert env_name("trainer.batch-size") == "SWEEP_PARAM_TRAINER__BATCH_SIZE"


# -- constraints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("params['trainer.batch_size'] %", "not a valid CEL expression"),
        ("params['trainer.batch'] > 1", "neither in spec.parameters nor in spec.fixed"),
        ("params['trainer.batch_size'] * params['trainer.lr'] < 1.0", "double("),
        ("params['trainer.batch_size']", "not true or false"),
        ("params['trainer.name'] + 1 == 2", "cannot be evaluated"),
    ],
)
def test_constraints_that_cannot_work_are_rejected(rule: str, says: str) -> None:
    sweep = parse(Sweep, edited(("constraints",), [{"rule": rule}]))
    errors = check_constraints(sweep.spec)
    assert [e.path for e in errors] == ["spec.constraints[0].rule"]
    assert says in errors[0].message


def test_a_constraint_sees_suggested_and_fixed_values() -> None:
    body = edited(("constraints",), [{"rule": "params['trainer.batch_size'] % params['n'] == 0", "message": "no"}])
    body["spec"]["fixed"] = {"n": 32}
    spec = parse(Sweep, body).spec
    assert check_constraints(spec) == []
    rules = CompiledConstraints(spec.constraints, spec.fixed)
    assert rules.passes({"trainer.batch_size": 64})
    assert not rules.passes({"trainer.batch_size": 16})
    assert not rules.passes({}), "what cannot be evaluated does not pass"
    assert rules.broken({"trainer.batch_size": 16}) == ["no"]


def test_a_rule_on_a_conditional_parameter_is_accepted() -> None:
    body = edited(("constraints",), [{"rule": "params['m'] > 0.5"}])
    when = {"parameter": "trainer.name", "in": ["sgd"]}
    body["spec"]["parameters"]["m"] = {**X, "when": when}
    assert check_constraints(parse(Sweep, body).spec) == []


# -- edits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("metric",), "loss", "spec.metric"),
        (("goal",), "minimize", "spec.goal"),
        (("seed",), 4, "spec.seed"),
        (("displayName",), "other", "spec.displayName"),
        (("cost",), {"source": "Reported"}, "spec.cost"),
        (("parameters", "new"), X, "spec.parameters['new']"),
        ((*NAME, "values"), ["adamw"], "spec.parameters['trainer.name'].values"),
    ],
)
def test_immutable_fields(path: tuple[str, ...], value: Any, field: str) -> None:
    errors = check_edit(parse(Sweep, MINIMAL).spec, parse(Sweep, edited(path, value)).spec)
    assert [e.path for e in errors] == [field]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*LR, "max"), 0.1),
        ((*LR, "mean"), 1e-4),
        ((*LR, "priorWeight"), 0.9),
        (("limits", "maxRuns"), 99),
        (("train", "image"), "i:2"),
    ],
)
def test_editable_fields(path: tuple[str, ...], value: Any) -> None:
    assert check_edit(parse(Sweep, MINIMAL).spec, parse(Sweep, edited(path, value)).spec) == []


def test_of_objectives_only_the_thresholds_can_be_edited() -> None:
    def spec(*objectives: dict[str, Any]) -> SweepSpec:
        return parse(Sweep, sweep_body(metric=None, objectives=list(objectives))).spec

    old = spec({"metric": "a", "goal": "minimize"}, {"metric": "b", "threshold": 1})
    assert (old.metric, old.goal) == ("a", "minimize")
    assert check_edit(old, spec({"metric": "a", "goal": "minimize", "threshold": 3}, {"metric": "b"})) == []
    for other in ([{"metric": "a", "goal": "minimize"}], [{"metric": "b"}, {"metric": "a", "goal": "minimize"}], []):
        assert [e.path for e in check_edit(old, spec(*other))] == ["spec.objectives"]


def a_run(name: str, **spec: Any) -> SweepRun:
    return parse(SweepRun, {"metadata": {"name": name}, "spec": {"sweepName": "s", **spec}})


def test_names_of_the_operators_runs_are_reserved() -> None:
    assert check_run_name(a_run("s.r.1"))[0].path == "metadata.name"
    assert check_run_name(a_run("mine", index=3))[0].path == "spec.index"
    assert check_run_name(a_run("s.r.1", index=1)) == []
    assert check_run_name(a_run("mine")) == []


def test_a_runs_spec_is_immutable_except_stop() -> None:
    old = a_run("mine", parameters={"x": 1})
    assert check_run_edit(old, a_run("mine", parameters={"x": 1}, stop=True)) == []
    assert check_run_edit(old, a_run("mine", parameters={"x": 2}))[0].path == "spec"


def test_the_template_hash_depends_on_content_only() -> None:
    one = RunTemplate.of(parse(Sweep, edited(("fixed",), {"a": 1.0})))
    same = RunTemplate.of(parse(Sweep, edited(("fixed",), {"a": 1})))
    other = RunTemplate.of(parse(Sweep, edited(("fixed",), {"a": 2})))
    limits = RunTemplate.of(parse(Sweep, edited(("limits", "maxRuns"), 9)))
    assert one.hash == same.hash
    assert one.hash != other.hash
    assert RunTemplate.of(parse(Sweep, MINIMAL)).hash == limits.hash, "limits are no part of the template"


def test_search_center() -> None:
    specs = {
        "a": {"distribution": "log_normal", "min": 1e-4, "max": 1e-2},
        "b": {"distribution": "uniform_pow2", "min": 16, "max": 64},
        "c": {"distribution": "int_uniform", "min": 1, "max": 4},
        "d": {"distribution": "uniform", "min": 0, "max": 1, "mean": 0.3},
        "e": {"distribution": "categorical", "values": ["p", "q"]},
        "f": {**X, "when": {"parameter": "e", "in": ["q"]}},
    }
    center = search_center({k: ParameterSpec.model_validate(v) for k, v in specs.items()})
    assert center == {"a": pytest.approx(1e-3), "b": 32, "c": 3, "d": 0.3, "e": "p"}
