"""Runs people ask for by name, names that are taken, deadlines, queues and several nodes: on a real API server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sweep_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL
from tests.cluster.audit import writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import (
    condition,
    edit,
    manual_run,
    objects_of,
    reason,
    running_pods,
    runs,
    sweep,
    until_reason,
)

ONE = {"maxRuns": 1}
HANGS = {"TEST_FAULT": "hang"}
CRASH = {"TEST_FAULT": "crash"}
UNIFORM = {"distribution": "uniform", "min": 0, "max": 1}


def test_manual_runs_are_adopted_completed_and_wait_like_others(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    early = manual_run("early", "asked", y=0.125)  # before there is such a Sweep
    cluster.apply(early, ns)
    two = {"x": {**UNIFORM, "mean": 0.25}, "y": UNIFORM}
    limits = {"maxRuns": 1, "maxParallelRuns": 2}
    cluster.apply(sweep("asked", parameters=two, limits=limits, suspend=True), ns)
    cluster.apply([manual_run("wild", "asked", y=7.5), manual_run("unknown", "asked", z=1)], ns)
    text = manual_run("text", "asked")
    text["spec"]["parameters"] = {"x": "fast"}
    cluster.apply(text, ns)
    for name, named in (("unknown", "spec.parameters['z']"), ("text", "spec.parameters['x']")):
        end = condition(until_reason(cluster, "sweeprun", name, ns, "InvalidParameters"))
        assert end["status"] == "False"
        assert named in end["message"]
    for name in ("early", "wild"):
        until_reason(cluster, "sweeprun", name, ns, "Suspended")
    assert objects_of(cluster, "jobs", ns, "asked") == []
    assert [r["metadata"]["name"] for r in runs(cluster, ns, "asked")] == ["early", "text", "unknown", "wild"]
    uid = cluster.get("sweep", "asked", ns)["metadata"]["uid"]
    for run in runs(cluster, ns, "asked"):
        assert [(o["uid"], o["controller"]) for o in run["metadata"]["ownerReferences"]] == [(uid, True)]
        assert run["metadata"]["labels"]["metta.ai/sweep"] == "asked"
        assert run["spec"]["origin"] == "manual"

    cluster.patch("sweep", "asked", ns, {"spec": {"suspend": False}})
    status = until_reason(cluster, "sweep", "asked", ns, "MaxRunsReached")["status"]
    assert (status["runs"]["succeeded"], status["runs"]["failed"], status["runs"]["created"]) == (3, 2, 5)
    assert status["optimizer"]["observations"] == 3, "unknown names and wrong types teach nothing"
    cluster.apply(manual_run("late", "asked"), ns)  # nothing named: the search center
    for name, x, y in (("early", 0.25, 0.125), ("wild", 0.25, 7.5), ("late", 0.25, 0.5)):
        ended = until_reason(cluster, "sweeprun", name, ns, "Completed")["status"]
        assert ended["parameters"] == {"x": x, "y": y}, name
        assert ended["runName"] == name
        assert ended["score"] == y  # of the last parameter, see stages.py
        assert ended["seed"] > 0
        (attempt,) = ended["train"]["attempts"]
        assert attempt["scheduledTime"] <= attempt["startTime"], "the page tells waiting for a node from pulling"
        env = _env(objects_of(cluster, "pods", ns, "asked"), name)
        assert (env["SWEEP_PARAM_X"], env["SWEEP_RUN_NAME"]) == (str(x), name)
        assert "SWEEP_RUN_INDEX" not in env
    columns = cluster.kubectl("get", "sweepruns", "-n", ns, "-l", "metta.ai/sweep=asked", "--sort-by=.status.score")
    rows = [line.split() for line in columns.splitlines()]
    assert rows[0] == ["NAME", "STATUS", "SCORE", "COST", "PROGRESS", "ETA", "ORIGIN", "AGE"]
    scored = [row for row in rows[1:] if row[1] == "Completed"]
    assert [row[0] for row in scored if row[0] != "asked.r.0"] == ["early", "late", "wild"]


def test_a_manual_run_made_anew_under_its_name_waits_for_the_old_one_to_go(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    storage = {"runVolume": {"claim": {"size": "1Gi"}}}
    env = {**HANGS, "TEST_FAULT_ATTEMPTS": "1"}
    cluster.apply(sweep("twice", limits={"maxRuns": 0}, storage=storage, env=env), ns)
    until_reason(cluster, "sweep", "twice", ns, "MaxRunsReached")
    cluster.apply(manual_run("same", "twice", x=0.5), ns)
    cluster.until(lambda: len(running_pods(cluster, ns, "twice")) == 1, "it runs")
    edit(cluster, "twice", ns, {"train": {"env": []}})
    (old,) = running_pods(cluster, ns, "twice")
    cluster.kubectl("delete", "sweeprun", "same", "-n", ns)
    cluster.apply(manual_run("same", "twice", x=0.75), ns)
    status = until_reason(cluster, "sweeprun", "same", ns, "Completed")["status"]
    assert status["score"] == 0.75
    assert old["metadata"]["uid"] not in {a["podUID"] for a in status["train"]["attempts"]}


def test_a_name_that_somebody_else_holds_fails_the_run_and_is_left_alone(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "theirs:1"}]}
    theirs = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "taken-r-0-train-1"},
        "spec": {"suspend": True, "template": {"spec": pod}},
    }
    cluster.apply(theirs, ns)
    uid = cluster.get("job", "taken-r-0-train-1", ns)["metadata"]["uid"]
    cluster.apply(sweep("taken", limits={"maxRuns": 2}), ns)
    run = until_reason(cluster, "sweeprun", "taken.r.0", ns, "NameConflict")
    assert run["status"]["failure"]["class"] == "infrastructure"
    assert "taken-r-0-train-1" in run["status"]["failure"]["message"]
    status = until_reason(cluster, "sweep", "taken", ns, "MaxRunsReached")["status"]
    assert (status["runs"]["failed"], status["runs"]["succeeded"]) == (1, 1)
    assert status["optimizer"]["observations"] == 1
    left = cluster.get("job", "taken-r-0-train-1", ns)
    assert left["metadata"]["uid"] == uid
    assert "deletionTimestamp" not in left["metadata"]


def test_deadlines_count_from_the_start_of_main_in_both_stages(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    evaluated = {"command": ["eval"], "deadlineSeconds": 2, "env": [{"name": "TEST_FAULT", "value": "hang"}]}
    pull = {"TEST_START_DELAY": "12s", "TEST_SECONDS": "1s"}
    cluster.apply(
        [
            sweep("pull", limits=ONE, train={"deadlineSeconds": 10}, env=pull),
            sweep("long", limits=ONE, train={"deadlineSeconds": 2}, env=HANGS),
            sweep("judged", limits=ONE, eval=evaluated, perRun={"retries": {"onEvalFailure": 3}}),
            # what main does before its deadline is nobody's business; what keeps it from starting is
            sweep("stuck", limits=ONE, perRun={"pendingDeadlineSeconds": 10}, env={"TEST_FAULT": "image"}),
            sweep("ruled", limits=ONE, perRun={"failureRules": [{"exitCodes": [1], "class": "parameters"}]}, env=CRASH),
        ],
        ns,
    )
    train = until_reason(cluster, "sweeprun", "pull.r.0", ns, "Completed")["status"]["train"]
    assert train["seconds"] <= 10, "the time of the pull does not count for the training"
    for name, stage, observed in (("long", "train", 1), ("judged", "eval", 1)):
        status = until_reason(cluster, "sweeprun", f"{name}.r.0", ns, "DeadlineExceeded")["status"]
        assert (status["failure"]["stage"], status["failure"]["class"]) == (stage, "timeout"), name
        assert status[stage]["attempt"] == 1
        assert status[stage]["seconds"] >= 2
        assert status["cost"] == status["train"]["seconds"] + status.get("eval", {}).get("seconds", 0)
        until_reason(cluster, "sweep", name, ns, "MaxRunsReached")
        assert cluster.get("sweep", name, ns)["status"]["optimizer"]["observations"] == observed
        cluster.until(lambda n=name: not running_pods(cluster, ns, n), f"the pod of {name} is ended")
    status = until_reason(cluster, "sweeprun", "stuck.r.0", ns, "ImagePullBackOff")["status"]
    cluster.until(lambda: condition(cluster.get("sweeprun", "stuck.r.0", ns))["status"] == "False", "it gives up")
    status = cluster.get("sweeprun", "stuck.r.0", ns)["status"]
    assert (status["failure"]["class"], status["failure"]["reason"]) == ("infrastructure", "ImagePullBackOff")
    status = until_reason(cluster, "sweeprun", "ruled.r.0", ns, "FailureRule0")["status"]
    assert (status["failure"]["class"], status["train"]["attempt"]) == ("parameters", 1)
    # the pod's own deadline is the backstop
    pods = {p["metadata"]["labels"][RUN_LABEL]: p for p in objects_of(cluster, "pods", ns, "pull")}
    assert pods["pull.r.0"]["spec"]["activeDeadlineSeconds"] == 10 + 3600


def test_a_queued_job_runs_when_its_queue_says_so_and_an_evicted_ones_seconds_are_counted_once(
    cluster: Cluster, shared: Operator
) -> None:
    ns = shared.namespace
    queue = {"name": "team-rl", "priorityClass": "low"}
    cluster.apply(sweep("queued", limits=ONE, queue=queue, env={"TEST_SECONDS": "12s"}), ns)
    until_reason(cluster, "sweeprun", "queued.r.0", ns, "Queued")
    name = "queued-r-0-train-1"
    job = cluster.get("job", name, ns)
    assert job["spec"]["suspend"]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-rl"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "low"
    waited = sweep("waited", limits=ONE, queue=queue, perRun={"pendingDeadlineSeconds": 8})
    cluster.apply(waited, ns)
    until_reason(cluster, "sweeprun", "waited.r.0", ns, "Queued")

    # the test is Kueue: admitted, evicted, admitted again
    cluster.patch("job", name, ns, {"spec": {"suspend": False}})
    cluster.until(lambda: len(running_pods(cluster, ns, "queued")) == 1, "admitted, it runs")
    (first,) = running_pods(cluster, ns, "queued")
    until_reason(cluster, "sweeprun", "queued.r.0", ns, "Training")
    cluster.until(lambda: _ran(first) >= 2, "it has run for a while")
    cluster.patch("job", name, ns, {"spec": {"suspend": True}})
    until_reason(cluster, "sweeprun", "queued.r.0", ns, "Queued")
    cluster.until(lambda: not running_pods(cluster, ns, "queued"), "evicted, its pod ends")
    cluster.patch("job", name, ns, {"spec": {"suspend": False}})
    status = until_reason(cluster, "sweeprun", "queued.r.0", ns, "Completed")["status"]
    train = status["train"]
    assert (train["attempt"], train.get("preemptions", 0), train.get("failures", 0)) == (1, 0, 0)
    assert [(a["n"], a.get("class")) for a in train["attempts"]] == [(1, None), (1, "succeeded")]
    assert train["attempts"][0]["podUID"] == first["metadata"]["uid"] != train["attempts"][1]["podUID"]
    assert all(a["seconds"] > 0 for a in train["attempts"])
    assert train["seconds"] == sum(a["seconds"] for a in train["attempts"])
    assert cluster.get("sweep", "queued", ns)["status"]["cost"]["spent"] == train["seconds"]
    assert [e["verb"] for e in writes(cluster, user=shared.account) if _about(e, name)] == ["create"]

    created = cluster.get("job", "waited-r-0-train-1", ns)["metadata"]["creationTimestamp"]
    cluster.until(
        lambda: _since(created) > 8 + 2, "the other one is in its queue for longer than pendingDeadlineSeconds"
    )
    assert reason(cluster, "sweeprun", "waited.r.0", ns) == "Queued"
    cluster.patch("job", "waited-r-0-train-1", ns, {"spec": {"suspend": False}})
    until_reason(cluster, "sweeprun", "waited.r.0", ns, "Completed")


def test_the_pods_of_several_nodes_find_each_other_and_rank_0_reports(cluster: Cluster, shared: Operator) -> None:
    ns = shared.namespace
    train = {"nodes": 3, "procsPerNode": 2}
    cluster.apply(sweep("wide", limits=ONE, train=train, env={"TEST_SECONDS": "10s"}), ns)
    name = "wide-r-0-train-1"
    services: list[Object] = []  # deleted with its attempt
    cluster.until(lambda: services.append(cluster.get("service", name, ns)) is None, "the attempt has a Service")
    run = until_reason(cluster, "sweeprun", "wide.r.0", ns, "Completed")
    job = cluster.get("job", name, ns)["spec"]
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 3, 3)
    service = services[0]["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"]
    assert service["selector"] == {RUN_LABEL: "wide.r.0", STAGE_LABEL: "train", ATTEMPT_LABEL: "1"}
    pods = cluster.list("pods", ns, **service["selector"])
    assert len(pods) == 3
    assert service["ports"][0]["port"] == 29500
    by_rank = {p["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: p for p in pods}
    assert sorted(by_rank) == ["0", "1", "2"]
    for rank, pod in by_rank.items():
        # what makes <hostname>.<subdomain> a name that DNS knows
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (f"{name}-{rank}", name)
        variables = _variables(pod)
        wanted = {
            "SWEEP_NUM_NODES": "3",
            "MASTER_ADDR": f"{name}-0.{name}",
            "MASTER_PORT": "29500",
            "PET_NNODES": "3",
            "PET_NPROC_PER_NODE": "2",
            "PET_MASTER_ADDR": f"{name}-0.{name}",
            "PET_MASTER_PORT": "29500",
        }
        assert {k: variables[k].get("value") for k in wanted} == wanted
        for variable in ("SWEEP_NODE_RANK", "PET_NODE_RANK"):
            field = variables[variable]["valueFrom"]["fieldRef"]["fieldPath"]
            assert field == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    (attempt,) = run["status"]["train"]["attempts"]
    assert attempt["podUID"] == by_rank["0"]["metadata"]["uid"]
    assert run["status"]["score"] == run["spec"]["parameters"]["x"]


def _variables(pod: Object) -> dict[str, Object]:
    return {e["name"]: e for e in pod["spec"]["containers"][0]["env"]}


def _env(pods: list[Object], run: str) -> dict[str, str]:
    (pod,) = [p for p in pods if p["metadata"]["labels"][RUN_LABEL] == run]
    return {name: e.get("value", "") for name, e in _variables(pod).items()}


def _about(event: dict[str, Any], job: str) -> bool:
    ref = event.get("objectRef") or {}
    return ref.get("resource") == "jobs" and ref.get("name") == job


def _ran(pod: Object) -> float:
    """Seconds since main began."""
    state = pod["status"]["containerStatuses"][0]["state"]
    return _since(state["running"]["startedAt"])


def _since(time: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
