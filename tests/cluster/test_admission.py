"""What the API server itself refuses, and that the models refuse the same: where they differ a run would be lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sweep_operator.api.errors import InvalidObject, parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import KubectlFailed, Object
from tests.cluster.sweeps import manual_run, sweep

X = "spec.parameters['x']"
UNIFORM = {"distribution": "uniform", "min": 0, "max": 1}


def _with(**spec: Any) -> Object:
    body = sweep("wrong")
    body["spec"] |= spec
    return body


def _x(**fields: Any) -> Object:
    return _with(parameters={"x": {k: v for k, v in {**UNIFORM, **fields}.items() if v is not None}})


A = [{"metric": "a"}]
INVALID: list[tuple[str, Object, str, str]] = [
    ("no parameters", _with(parameters={}), "spec.parameters", "at least 1"),
    ("unknown distribution", _x(distribution="gauss"), "distribution", "log_normal"),
    ("min above max", _x(min=2), "x", "min must be below max"),
    ("no bounds", _x(max=None), "x", "needs min and max"),
    ("log_normal from zero", _x(distribution="log_normal"), "x", "min must be above 0"),
    ("logit_normal to one", _x(distribution="logit_normal", min=0.1), "x", "max must be below 1"),
    ("no power of two", _x(distribution="uniform_pow2", min=3, max=8), "x", "power of two"),
    ("a fraction of an integer", _x(distribution="int_uniform", min=0.5), "x", "min must be an integer"),
    ("step beyond the range", _x(step=3), "x", "wider than the range"),
    ("step of a log_normal", _x(distribution="log_normal", min=0.1, step=0.1), "x", "step is for"),
    ("categorical without values", _x(distribution="categorical", min=None, max=None), X, "needs values"),
    ("values of a uniform", _x(values=[1, 2]), X, "is for categorical"),
    ("bounds of a categorical", _x(distribution="categorical", values=["a"]), "x", "min is for uniform, int_uniform"),
    ("mean outside", _x(mean=7), X, "outside"),
    ("mean is text", _x(mean="0.5"), X, "number"),
    ("scale is no word", _x(scale="fast"), "scale", "auto"),
    ("scale is negative", _x(scale=-1), "scale", "greater than"),
    ("time of negative numbers", _x(min=-1, scale="time"), X, "at least 0"),
    ("min is text", _x(min="zero"), "min", "number"),
    ("path is no path", _with(parameters={"a b": UNIFORM}), "spec.parameters", "dotted path"),
    ("paths collide", _with(parameters={"a": UNIFORM, "a.b": UNIFORM}), "spec.parameters", "beginning of another"),
    ("fixed collides", _with(fixed={"x": 1}), "spec.fixed", "conflicts"),
    ("when of nothing", _x(when={"parameter": "y", "in": [1]}), X, "unknown parameter"),
    ("goal is no goal", _with(goal="win"), "spec.goal", "maximize"),
    ("negative runs", _with(limits={"maxRuns": -1}), "spec.limits.maxRuns", "0"),
    ("runs are text", _with(limits={"maxRuns": "many"}), "spec.limits.maxRuns", "integer"),
    ("no cost limit", _with(limits={"totalCost": 0}), "spec.limits.totalCost", "0"),
    ("worth of random runs", _with(stopping={"policy": "WhenNotWorthIt"}, method="random"), "spec", "method bayes"),
    ("factor without seconds", _with(perRun={"deadlineFactor": 2}, cost={"source": "Reported"}), "spec", "WallClock"),
    ("log without pattern", _with(train={"image": "a", "results": {"source": "Log"}}), "results", "pattern"),
    (
        "log pattern without a group",
        _with(train={"image": "a", "results": {"source": "Log", "pattern": "loss=.*"}}),
        "results",
        "{value}",
    ),
    ("reports without step", _with(train={"image": "a", "reports": {"pattern": "{value}"}}), "reports", "{step}"),
    ("no last step", _with(train={"image": "a", "reports": {"maxStep": 0}}), "maxStep", "1"),
    ("text as last step", _with(train={"image": "a", "reports": {"maxStep": "all"}}), "maxStep", "params"),
    ("two volumes", _with(storage={"runVolume": {"emptyDir": {}, "claim": {}}}), "runVolume", "exactly one"),
    (
        "rule of nothing",
        _with(perRun={"failureRules": [{"class": "crash"}]}),
        "failureRules",
        "logPattern or exitCodes",
    ),
    (
        "two sources in one",
        _with(warmStart={"from": [{"sweep": "a", "file": "b.csv"}]}),
        "warmStart.from",
        "exactly one",
    ),
    (
        "an empty name",
        _with(warmStart={"from": [{"sweep": "a", "parameters": {"x": ""}}]}),
        "parameters.x",
        "at least 1",
    ),
    ("objectives beside a metric", _with(objectives=A, metric="b"), "spec", "remove metric and goal"),
    (
        "objectives beside a goal",
        _with(objectives=[{"metric": "a"}], goal="minimize"),
        "spec",
        "remove metric and goal",
    ),
    ("an objective twice", _with(objectives=[{"metric": "a"}, {"metric": "a"}]), "objectives", "same metric"),
    ("five objectives", _with(objectives=[{"metric": m} for m in "abcde"]), "objectives", "4"),
    ("unknown field", _with(limit={"maxRuns": 3}), "limit", "unknown"),
    ("no train", _with(train=None), "train", "equired"),
]


@pytest.mark.parametrize(("body", "field", "words"), [c[1:] for c in INVALID], ids=[c[0] for c in INVALID])
def test_the_api_server_names_field_and_remedy_and_the_models_agree(
    cluster: Cluster, body: Object, field: str, words: str
) -> None:
    body = copy.deepcopy(body)
    body["spec"] = {k: v for k, v in body["spec"].items() if v is not None}
    with pytest.raises(KubectlFailed) as refused:
        cluster.apply(body)
    assert field in str(refused.value)
    assert words in str(refused.value)
    with pytest.raises(InvalidObject):
        parse(Sweep, {**body, "metadata": {"name": "wrong", "namespace": "default"}})


@pytest.mark.parametrize(
    "name", ["Upper", "with.dots", "a" * 41, "-dash"], ids=["upper case", "dots", "too long", "begins with a dash"]
)
def test_names(cluster: Cluster, name: str) -> None:
    body = sweep(name)
    with pytest.raises(KubectlFailed):
        cluster.apply(body)
    with pytest.raises(InvalidObject):
        parse(Sweep, body)


IMMUTABLE: list[tuple[Object, str]] = [
    ({"metric": "loss"}, "metric is immutable"),
    ({"goal": "minimize"}, "goal is immutable"),
    ({"seed": 7}, "seed is immutable"),
    ({"displayName": "other"}, "displayName is immutable"),
    ({"cost": {"source": "Reported"}}, "cost is immutable"),
    ({"parameters": {"y": UNIFORM}}, "set of parameters is immutable"),
    ({"parameters": {"x": {"distribution": "logit_normal", "min": 0.1, "max": 0.9}}}, "distribution is immutable"),
    ({"parameters": {"c": {"values": ["a", "b"]}}}, "is immutable"),
]


@pytest.mark.parametrize(("change", "words"), IMMUTABLE, ids=[w for _, w in IMMUTABLE[:-1]] + ["values"])
def test_what_an_edit_may_not_change(cluster: Cluster, namespace: str, change: Object, words: str) -> None:
    body = sweep("kept", parameters={"x": UNIFORM, "c": {"distribution": "categorical", "values": ["a", "b", "c"]}})
    cluster.apply(body, namespace)
    with pytest.raises(KubectlFailed, match=words):
        cluster.patch("sweep", "kept", namespace, {"spec": change})


def test_what_an_edit_may_change(cluster: Cluster, namespace: str) -> None:
    cluster.apply(sweep("edited"), namespace)
    for change in (
        {"parameters": {"x": {"max": 2, "mean": 1.5, "scale": 0.1}}},
        {"limits": {"maxRuns": 7}},
        {"train": {"image": "played:2"}},
        {"suspend": True},
        {"fixed": {"steps": 10}},
    ):
        cluster.patch("sweep", "edited", namespace, {"spec": change})
    cluster.kubectl("scale", "sweep/edited", "--replicas=4", "-n", namespace)
    assert cluster.get("sweep", "edited", namespace)["spec"]["limits"]["maxParallelRuns"] == 4


def test_a_run_is_immutable_but_for_stop_and_its_name_is_free_but_for_ours(cluster: Cluster, namespace: str) -> None:
    run = manual_run("mine", "s", x=0.1)
    cluster.apply(run, namespace)
    for change, words in (
        ({"parameters": {"x": 0.2}}, "parameters: is immutable"),
        ({"sweepName": "other"}, "sweepName is immutable"),
        ({"index": 3}, "index"),
    ):
        with pytest.raises(KubectlFailed, match=words):
            cluster.patch("sweeprun", "mine", namespace, {"spec": change})
    cluster.patch("sweeprun", "mine", namespace, {"spec": {"stop": True}})
    with pytest.raises(KubectlFailed, match="reserved for the operator"):
        cluster.apply({**run, "metadata": {"name": "s.r.4"}}, namespace)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"origin": "imported"}, "belong together"),
        ({"observation": {"score": 1}}, "belong together"),
        ({"origin": "imported", "observation": {}}, "exactly one of score and failure"),
        ({"origin": "imported", "observation": {"score": 1, "failure": {"class": "crash"}}}, "exactly one of"),
        ({"origin": "imported", "observation": {"failure": {"class": "bad"}}}, "class"),
        ({"origin": "imported", "observation": {"score": 1, "cost": -1}}, "cost"),
    ],
)
def test_what_an_imported_run_may_say(cluster: Cluster, namespace: str, spec: Object, words: str) -> None:
    run = manual_run("old", "s", x=0.1)
    body = {**run, "spec": {**run["spec"], **spec}}
    with pytest.raises(KubectlFailed, match=words):
        cluster.apply(body, namespace)
    with pytest.raises(InvalidObject):
        parse(SweepRun, body)


def test_an_imported_run_stays_as_it_came(cluster: Cluster, namespace: str) -> None:
    run = manual_run("old", "s", x=0.1)
    told = {"origin": "imported", "observation": {"score": 1, "metrics": {"loss": 0.5}}}
    cluster.apply({**run, "spec": {**run["spec"], **told}}, namespace)
    with pytest.raises(KubectlFailed, match="observation is immutable"):
        cluster.patch("sweeprun", "old", namespace, {"spec": {"observation": {"score": 2}}})
    cluster.patch("sweeprun", "old", namespace, {"spec": {"stop": True}})


def test_explain_and_field_selectors(cluster: Cluster, namespace: str) -> None:
    text = cluster.kubectl("explain", "sweep.spec", "--recursive")
    assert "maxSuggestionCost" in text
    for field, said in (
        ("sweep", "Desired state of the sweep"),
        ("sweep.spec.protein", "Default: 1024"),
        ("sweep.spec.parameters", "distribution"),
        ("sweep.spec.tracking.wandb.apiKeySecret", "Key in the Secret's data"),
        ("sweep.status.cost", "wasted"),
        ("sweep.status.conditions", "TooManyConsecutiveFailures"),
        ("sweeprun", "SweepRun"),
        ("sweep.status.optimizer.scoreCalibration", "0.8 is ideal"),
        ("sweeprun.spec.prediction", "acquisition"),
        ("sweeprun.status", "fixed"),
        ("sweeprun.status.train.attempts", "merged"),
    ):
        # kubectl breaks lines: a phrase may span two of them
        text = " ".join(cluster.kubectl("explain", field).split())
        assert said in text, field
        assert "<no description>" not in text, field
        assert "DESCRIPTION: <empty>" not in text, field
    for name, of in (("one", "a"), ("other", "b")):
        cluster.apply(manual_run(name, of), namespace)
    listed = cluster.kubectl("get", "swr", "-n", namespace, "--field-selector=spec.sweepName=a", "-o", "name")
    assert listed.split() == ["sweeprun.metta.ai/one"]


def test_of_objectives_only_the_thresholds_can_be_edited(cluster: Cluster, namespace: str) -> None:
    objectives = [{"metric": "a", "goal": "minimize"}, {"metric": "b"}]
    body = sweep("several", objectives=objectives)
    del body["spec"]["metric"]
    cluster.apply(body, namespace)
    for changed in ([{"metric": "a"}, {"metric": "b"}], objectives[:1], objectives[::-1], []):
        with pytest.raises(KubectlFailed, match="objectives"):
            cluster.apply({**body, "spec": {**body["spec"], "objectives": changed}}, namespace)
    edited = [{**objectives[0], "threshold": 1.5}, objectives[1]]
    cluster.apply({**body, "spec": {**body["spec"], "objectives": edited}}, namespace)
