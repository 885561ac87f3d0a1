"""When a Sweep ends, goes on, starts from others' results and goes away: on a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sweep_operator.api.names import RUN_LABEL, SWEEP_LABEL
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import (
    condition,
    edit,
    ended,
    manual_run,
    objects_of,
    reason,
    running_pods,
    runs,
    sweep,
    until_let_go,
    until_reason,
)

HANGS = {"TEST_FAULT": "hang"}
# (name, spec, environment, reason, is a success, runs, the edit by which it goes on)
LIMITS: list[tuple[str, Object, dict[str, str], str, str, int, Object]] = [
    (
        "target",
        {"target": 0, "limits": {"maxParallelRuns": 2}},
        {"TEST_SECONDS": "5s"},  # so long that both have begun when one ends
        "TargetReached",
        "True",
        2,
        {"target": 2},
    ),
    (
        "budget",
        {"limits": {"totalCost": 2.5, "maxRuns": 9}},
        {"TEST_SECONDS": "2s"},
        "BudgetExhausted",
        "True",
        0,
        {"limits": {"totalCost": 1000}},
    ),
    (
        "deadline",
        {"limits": {"activeDeadlineSeconds": 15, "maxParallelRuns": 2}},
        HANGS,
        "DeadlineReached",
        "True",
        2,
        {"limits": {"activeDeadlineSeconds": 600}},
    ),
    (
        "failed",
        {"limits": {"maxFailedRuns": 2, "maxConsecutiveFailures": 9}},
        {"TEST_FAULT": "parameters"},
        "TooManyFailedRuns",
        "False",
        2,
        {"limits": {"maxFailedRuns": 4}},
    ),
    (
        "worth",
        {
            "method": "bayes",
            "stopping": {"policy": "WhenNotWorthIt", "minGain": 0.5},
            "limits": {"maxRuns": 60, "maxParallelRuns": 4},
        },
        {},
        "NotWorthIt",
        "True",
        0,
        {"stopping": {"policy": "Never"}},
    ),
    ("count", {"limits": {"maxRuns": 2}}, {}, "MaxRunsReached", "True", 2, {"limits": {"maxRuns": 3}}),
]


def test_every_limit_ends_the_sweep_and_raising_it_goes_on(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    for name, spec, env, *_ in reversed(LIMITS):
        cluster.apply(sweep(name, env=env, **spec), ns)
        # the optimizer starts with the first one: no deadline is for that
        cluster.until(lambda n=name: bool(runs(cluster, ns, n)), f"{name} has a run")
    for name, spec, _, why, success, count, _ in LIMITS:
        status = until_reason(cluster, "sweep", name, ns, why)["status"]
        end = condition({"status": status})
        assert end["status"] == success, (name, end)
        made = runs(cluster, ns, name)
        assert len(made) == status["runs"]["created"] == (count or len(made)), (name, end)
        assert all(ended(run) for run in made), name
        # the message names the limit, the target or stopping
        assert next(iter(spec.get("limits", spec))) in end["message"] or name in ("target", "worth"), end
    target, budget, deadline = ([r["status"] for r in runs(cluster, ns, n)] for n in ("target", "budget", "deadline"))
    assert all("score" in s for s in target), "what runs when the target is reached is finished"
    spent = cluster.get("sweep", "budget", ns)["status"]["cost"]
    assert spent["spent"] == sum(s["train"]["seconds"] for s in budget) >= 2.5
    assert spent["unit"] == "seconds"
    assert sum(s["train"]["seconds"] for s in budget[:-1]) < 2.5, "not one run more"
    assert [s["failure"]["class"] for s in deadline] == ["stopped", "stopped"]
    until_let_go(cluster, ns)
    status = cluster.get("sweep", "deadline", ns)["status"]
    assert status["activeSeconds"] >= 15
    assert status["optimizer"]["observations"] == 0, "nothing is learned of what was stopped"
    cluster.until(lambda: not running_pods(cluster, ns, "deadline"), "the deadline ends what runs")

    made_before = {name: len(runs(cluster, ns, name)) for name, *_ in LIMITS}
    for name, *_, raised in LIMITS:
        cluster.patch("sweep", name, ns, {"spec": raised})
    for name, *_ in LIMITS:
        cluster.until(lambda n=name: len(runs(cluster, ns, n)) > made_before[n], f"{name} goes on")
    for name in ("target", "budget", "deadline", "worth"):
        cluster.patch("sweep", name, ns, {"spec": {"stop": True}})
        until_reason(cluster, "sweep", name, ns, "Stopped")
    for name, why, count in (("failed", "TooManyFailedRuns", 4), ("count", "MaxRunsReached", 3)):
        until_reason(cluster, "sweep", name, ns, why)
        assert [r["spec"]["index"] for r in runs(cluster, ns, name)] == list(range(count)), name


def test_scaled_up_it_starts_more_and_scaled_down_what_runs_goes_on(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    cluster.apply(sweep("scaled", env=HANGS), ns)
    cluster.until(lambda: len(running_pods(cluster, ns, "scaled")) == 1, "one runs")
    cluster.kubectl("scale", "sweep/scaled", "--replicas=3", "-n", ns)
    cluster.until(lambda: len(running_pods(cluster, ns, "scaled")) == 3, "three run")
    cluster.until(
        lambda: json.loads(cluster.kubectl("get", "--raw", f"{_path('scaled', ns)}/scale"))["status"]["replicas"] == 3,
        "the scale says so",
    )
    cluster.kubectl("scale", "sweep/scaled", "--replicas=0", "-n", ns)
    cluster.patch("sweeprun", "scaled.r.0", ns, {"spec": {"stop": True}})
    until_reason(cluster, "sweeprun", "scaled.r.0", ns, "Stopped")
    generation = cluster.get("sweep", "scaled", ns)["metadata"]["generation"]
    cluster.until(
        lambda: (
            _status(cluster, "scaled", ns)["runs"]["failed"] == 1
            and _status(cluster, "scaled", ns)["observedGeneration"] == generation
        ),
        "the sweep has seen both",
    )
    assert len(runs(cluster, ns, "scaled")) == 3, "nothing new at 0"
    assert len(running_pods(cluster, ns, "scaled")) == 2, "what runs is not ended"
    assert reason(cluster, "sweep", "scaled", ns) == "Running", "one stopped run is not the end of the sweep"
    cluster.patch("sweep", "scaled", ns, {"spec": {"stop": True}})
    cluster.until(lambda: not objects_of(cluster, "pods", ns, "scaled"), "stopped, its pods go")
    until_reason(cluster, "sweep", "scaled", ns, "Stopped")
    assert [r["status"]["failure"]["class"] for r in runs(cluster, ns, "scaled")] == ["stopped"] * 3


def test_terminated_by_a_suspension_a_run_waits_and_no_retry_is_counted(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    limits = {"maxRuns": 2, "maxParallelRuns": 2, "maxConsecutiveFailures": 1}
    env = {**HANGS, "TEST_FAULT_ATTEMPTS": "1"}
    cluster.apply(sweep("parked", limits=limits, suspendPolicy="terminate", env=env), ns)
    cluster.until(lambda: len(running_pods(cluster, ns, "parked")) == 2, "both run")
    cluster.patch("sweep", "parked", ns, {"spec": {"suspend": True}})
    cluster.until(lambda: not objects_of(cluster, "pods", ns, "parked"), "suspended, their pods go")
    status = until_reason(cluster, "sweep", "parked", ns, "Suspended")["status"]
    assert condition({"status": status}, "Suspended")["status"] == "True"
    cluster.until(lambda: _status(cluster, "parked", ns)["runs"]["pending"] == 2, "they are pending again")
    assert _status(cluster, "parked", ns)["runs"]["running"] == 0
    assert all(reason(cluster, "sweeprun", f"parked.r.{n}", ns) == "Suspended" for n in (0, 1))
    assert "activeSince" not in _status(cluster, "parked", ns), "suspended time is no active time"
    cluster.patch("sweep", "parked", ns, {"spec": {"suspend": False}})
    status = until_reason(cluster, "sweep", "parked", ns, "MaxRunsReached")["status"]
    assert status["runs"]["succeeded"] == 2
    for run in runs(cluster, ns, "parked"):
        train = run["status"]["train"]
        assert (train["attempt"], train.get("failures", 0), train.get("preemptions", 0)) == (2, 0, 0)
        assert [a["class"] for a in train["attempts"]] == ["stopped", "succeeded"]


def test_an_invalid_edit_makes_no_new_runs_and_leaves_live_ones_alone(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    cluster.apply(sweep("edited", limits={"maxRuns": 2}, env={"TEST_SECONDS": "15s"}), ns)
    cluster.until(lambda: bool(running_pods(cluster, ns, "edited")), "it runs")
    cluster.patch("sweep", "edited", ns, {"spec": {"train": {"hardware": "abacus"}}})

    def accepted() -> Object:
        return condition(cluster.get("sweep", "edited", ns), "Accepted")

    cluster.until(lambda: accepted()["status"] == "False", "the change is not accepted")
    until_reason(cluster, "sweeprun", "edited.r.0", ns, "Completed")
    assert accepted()["status"] == "False"
    assert "spec.train.hardware" in accepted()["message"]
    cluster.until(lambda: _status(cluster, "edited", ns)["runs"]["succeeded"] == 1, "the result is counted")
    assert len(runs(cluster, ns, "edited")) == 1
    cluster.patch("sweep", "edited", ns, {"spec": {"train": {"hardware": "cpu", "env": []}}})
    status = until_reason(cluster, "sweep", "edited", ns, "MaxRunsReached")["status"]
    assert condition({"status": status}, "Accepted")["status"] == "True"
    assert status["runs"]["succeeded"] == 2


def test_a_sweep_starts_from_what_others_have_learned(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    cluster.apply(sweep("earlier", limits={"maxRuns": 3, "maxParallelRuns": 3}), ns)
    until_reason(cluster, "sweep", "earlier", ns, "MaxRunsReached")
    rows = [{"parameters": {"x": x}, "score": x, "cost": 1.0} for x in (0.1, 0.9)]
    history = {"rows.jsonl": "\n".join(json.dumps(r) for r in rows), "more.csv": "x,reward,cost\n0.3,0.3,1\n"}
    late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": history}
    sources = {"from": [{"sweep": "earlier"}, {"configMap": "late"}]}
    design = {"numRandomSamples": 0, "seedWithSearchCenter": False}
    cluster.apply(sweep("warm", method="bayes", protein=design, warmStart=sources, limits={"maxRuns": 2}), ns)

    def told() -> Object:
        return condition(cluster.get("sweep", "warm", ns), "WarmStarted")

    cluster.until(lambda: told().get("status") == "Unknown", "it says what it waits for")
    assert told()["reason"] == "Waiting"
    assert "'late'" in told()["message"]
    # what somebody asks for by name does not wait for a history
    cluster.apply(manual_run("meanwhile", "warm", x=0.5), ns)
    until_reason(cluster, "sweeprun", "meanwhile", ns, "Completed")
    assert [r["metadata"]["name"] for r in runs(cluster, ns, "warm")] == ["meanwhile"]
    cluster.apply(late, ns)
    cluster.kubectl("annotate", "sweep", "warm", "looked=at", "-n", ns)  # any news of it: sooner than its next look
    until_reason(cluster, "sweep", "warm", ns, "MaxRunsReached")
    assert (told()["status"], told()["message"]) == ("True", "6 observations")
    found = cluster.get("sweep", "warm", ns)
    assert found["status"]["optimizer"]["observations"] == 6 + 3
    # until two own scores differ, the sources and the initial design take turns
    assert [r["spec"]["origin"] for r in runs(cluster, ns, "warm")] == ["manual", "random", "model"]
    weights = found["status"]["optimizer"]["sources"]
    assert [w["source"] for w in weights] == ["Sweep earlier", "ConfigMap late"]
    digest = found["status"]["warmStartDigest"]
    kept = cluster.get("configmap", f"warm-warm-start-{digest[:10]}", ns)
    assert kept["immutable"] is True
    assert [o["uid"] for o in kept["metadata"]["ownerReferences"]] == [found["metadata"]["uid"]]


def test_masses_of_runs_that_belong_to_no_sweep_or_to_another_one_are_not_run(
    cluster: Cluster, shared: Operator
) -> None:
    """Whoever may create SweepRuns may write any Sweep's name, label and owner reference into them."""
    ns = shared.namespace
    cluster.apply([sweep(name, suspend=True, limits={"maxRuns": 4}) for name in ("haunted", "idle")], ns)
    owner = {"apiVersion": "metta.ai/v1alpha1", "kind": "Sweep", "name": "idle", "controller": True}
    owner["uid"] = cluster.get("sweep", "idle", ns)["metadata"]["uid"]
    label = {SWEEP_LABEL: "haunted"}
    forged: list[Object] = [{}, {"labels": label}, {"labels": label, "ownerReferences": [owner]}]
    ghosts = []
    for n in range(90):
        ghost = manual_run(f"ghost-{n}", "haunted" if n % 3 == 2 else "missing", x=0.5)
        ghosts.append({**ghost, "metadata": {**ghost["metadata"], **forged[n % 3]}})
    cluster.apply(ghosts, ns)
    cluster.patch("sweep", "haunted", ns, {"spec": {"suspend": False}})
    status = until_reason(cluster, "sweep", "haunted", ns, "MaxRunsReached")["status"]
    assert (status["runs"]["created"], status["runs"]["succeeded"]) == (4, 4)
    for run in cluster.list("sweepruns", ns):
        assert ("status" in run) != run["metadata"]["name"].startswith("ghost-"), run
    assert len(objects_of(cluster, "jobs", ns, "haunted")) == 4


def test_a_deleted_run_is_made_up_for_under_a_new_index(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    cluster.apply(sweep("holes", limits={"maxRuns": 1}, env=HANGS), ns)
    cluster.until(lambda: bool(running_pods(cluster, ns, "holes")), "it runs")
    edit(cluster, "holes", ns, {"train": {"env": []}})
    cluster.kubectl("delete", "sweeprun", "holes.r.0", "-n", ns)
    until_reason(cluster, "sweep", "holes", ns, "MaxRunsReached")
    assert [r["spec"]["index"] for r in runs(cluster, ns, "holes")] == [1]
    cluster.until(
        lambda: [p["metadata"]["labels"][RUN_LABEL] for p in objects_of(cluster, "pods", ns, "holes")] == ["holes.r.1"],
        "the deleted run's pod is gone",
    )


LEFTOVERS = ("sweepruns", "jobs", "pods", "pvc", "services", "configmaps", "controllerrevisions")


@pytest.mark.parametrize("kept", [False, True], ids=["whenDeleted Delete", "whenDeleted Retain"])
def test_a_deleted_sweep_takes_everything_with_it_but_retained_claims(
    cluster: Cluster, shared: Operator, kept: bool
) -> None:
    ns, name = shared.namespace, "kept" if kept else "gone"
    storage = {
        "runVolume": {"claim": {"size": "1Gi", "accessModes": ["ReadWriteMany"]}},
        "whenDeleted": "Retain" if kept else "Delete",
        "retention": "all",
    }
    history = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-history"}}
    cluster.apply({**history, "data": {"rows": json.dumps({"parameters": {"x": 0.5}, "score": 1, "cost": 1})}}, ns)
    cluster.apply(
        sweep(
            name,
            limits={"maxRuns": 2, "maxParallelRuns": 2},
            train={"nodes": 2},
            storage=storage,
            warmStart={"from": [{"configMap": f"{name}-history"}]},
            env=HANGS,
        ),
        ns,
    )
    cluster.until(lambda: len(running_pods(cluster, ns, name)) == 4, "it runs")
    for kind in LEFTOVERS:
        assert objects_of(cluster, kind, ns, name), f"the test needs {kind}"
    claims = {c["metadata"]["name"] for c in objects_of(cluster, "pvc", ns, name)}
    for kind in ("sweep", "sweeprun"):
        found = [cluster.get("sweep", name, ns)] if kind == "sweep" else runs(cluster, ns, name)
        assert all("finalizers" not in o["metadata"] for o in found), "nothing of ours can hold a deletion up"
    cluster.kubectl("delete", "sweep", name, "-n", ns)
    for kind in LEFTOVERS:
        if kind != "pvc" or not kept:
            cluster.until(lambda k=kind: not objects_of(cluster, k, ns, name), f"no {kind} are left")
    left = {c["metadata"]["name"] for c in objects_of(cluster, "pvc", ns, name)}
    assert left == (claims if kept else set())
    if kept:
        _runs_again_beside_what_was_kept(cluster, ns, name, claims)


def _runs_again_beside_what_was_kept(cluster: Cluster, ns: str, name: str, claims: set[str]) -> None:
    """A Sweep made anew under the name neither works on the old one's claims nor deletes them."""
    storage = {"runVolume": {"claim": {"size": "1Gi"}}, "retention": "none"}
    cluster.apply(sweep(name, limits={"maxRuns": 2}, storage=storage), ns)
    until_reason(cluster, "sweep", name, ns, "MaxRunsReached")
    assert all(condition(r)["status"] == "True" for r in runs(cluster, ns, name))
    for pod in objects_of(cluster, "pods", ns, name):
        assert not {_claim_of(pod)} & claims, "a run works on the volume of another Sweep"
    cluster.until(lambda: {c["metadata"]["name"] for c in objects_of(cluster, "pvc", ns, name)} == claims, "they stay")


def test_a_sweep_made_anew_under_the_name_takes_nothing_of_the_old_one(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    storage = {"runVolume": {"claim": {"size": "1Gi"}}}
    limits = {"maxRuns": 3, "maxParallelRuns": 3}
    cluster.apply(sweep("again", limits=limits, storage=storage, env=HANGS), ns)
    cluster.until(lambda: len(running_pods(cluster, ns, "again")) == 3, "it runs")
    old = cluster.get("sweep", "again", ns)["metadata"]["uid"]
    cluster.kubectl("delete", "sweep", "again", "-n", ns)
    cluster.apply(sweep("again", limits=limits, storage=storage), ns)
    until_reason(cluster, "sweep", "again", ns, "MaxRunsReached")
    new = cluster.get("sweep", "again", ns)["metadata"]["uid"]
    assert new != old
    found = runs(cluster, ns, "again")
    assert {o["uid"] for r in found for o in r["metadata"]["ownerReferences"]} == {new}
    assert [condition(r)["reason"] for r in found] == ["Completed"] * 3
    cluster.until(
        lambda: {o["metadata"]["labels"]["metta.ai/sweep-uid"] for o in _all(cluster, ns, "again")} == {new},
        "nothing of the old one is left",
    )


def _all(cluster: Kubectl, ns: str, name: str) -> list[Object]:
    return [o for kind in ("sweepruns", "jobs", "pods", "pvc") for o in objects_of(cluster, kind, ns, name)]


def _claim_of(pod: Object) -> str:
    volumes: list[dict[str, Any]] = pod["spec"]["volumes"]
    return next((v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v), "")


def _status(cluster: Kubectl, name: str, ns: str) -> Object:
    return dict(cluster.get("sweep", name, ns).get("status") or {})


def _path(name: str, ns: str) -> str:
    return f"/apis/metta.ai/v1alpha1/namespaces/{ns}/sweeps/{name}"
