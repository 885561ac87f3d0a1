"""What goes wrong with pods, and how a run says so: on a real API server, with the real controllers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import (
    check_ended_well,
    condition,
    ended,
    manual_run,
    most_at_once,
    reason,
    runs,
    sweep,
    until_reason,
)

ONE = {"maxRuns": 1}
NO_WAIT = {"retries": {"backoffSeconds": 0}}


def _first(cluster: Cluster, namespace: str, name: str) -> Object:
    found = runs(cluster, namespace, name)
    return found[0] if found else {}


def _accepted(cluster: Cluster, namespace: str, name: str) -> str:
    """Message of the condition."""
    return str(condition(cluster.get("sweep", name, namespace), "Accepted").get("message"))


def _ended(cluster: Cluster, namespace: str, name: str) -> bool:
    return ended(_first(cluster, namespace, name))


FAULTS: list[tuple[str, str, int]] = [
    ("crash", "crash", 2),
    ("parameters", "parameters", 1),
    ("oom", "parameters", 1),
    ("nan", "parameters", 1),
    ("garbage", "crash", 2),
    ("silent", "crash", 2),
    ("huge", "crash", 2),
]


def test_each_fault_has_its_class_and_its_number_of_attempts(
    cluster: Cluster, namespace: str, operator: Operator
) -> None:
    for fault, _, _ in FAULTS:
        cluster.apply(sweep(fault, limits=ONE, perRun=NO_WAIT, env={"TEST_FAULT": fault}), namespace)
    again = {"TEST_FAULT": "crash", "TEST_FAULT_ATTEMPTS": "1"}
    cluster.apply(sweep("mended", limits=ONE, perRun=NO_WAIT, env=again), namespace)
    for fault, class_, attempts in FAULTS:
        cluster.until(lambda f=fault: _ended(cluster, namespace, f), f"{fault} has ended")
        status = _first(cluster, namespace, fault)["status"]
        assert status["failure"]["class"] == class_, (fault, status["failure"])
        assert status["train"]["attempt"] == attempts, fault
        assert "score" not in status
    cluster.until(lambda: _ended(cluster, namespace, "mended"), "mended has ended")
    status = _first(cluster, namespace, "mended")["status"]
    assert (status["train"]["attempt"], status["train"]["failures"]) == (2, 1)
    assert "score" in status


def test_evicted_deleted_and_lost_pods_are_preempted_and_repeated(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("lostNodeSeconds: 3")
    operator = Operator(cluster, namespace, f"--config={config}").start()
    node = f"lost-{namespace}"
    # nobody else may come here, or is lost with it
    taint = {"key": "lost", "value": namespace, "effect": "NoSchedule"}
    cluster.add_node(node, played_by=node, labels={"lost": namespace}, taints=[taint])
    waits = {"TEST_FAULT_ATTEMPTS": "1", "TEST_FAULT": "trap"}
    names = ("evicted", "deleted", "lost")
    try:
        for name in names:
            # a soft wish, so that the second attempt finds another node
            affinity = {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 100,
                            "preference": {
                                "matchExpressions": [{"key": "lost", "operator": "In", "values": [namespace]}]
                            },
                        }
                    ]
                }
            }
            tolerations = [{"key": "lost", "operator": "Exists"}]
            template = {"podTemplate": {"spec": {"affinity": affinity}}, "tolerations": tolerations}
            cluster.apply(
                sweep(name, limits=ONE, perRun=NO_WAIT, env=waits, train=template if name == "lost" else {}), namespace
            )

        def pod(name: str) -> Object:
            found = cluster.list("pods", namespace, **{"metta.ai/sweep": name})
            return next((p for p in found if p["status"].get("phase") == "Running"), {})

        for name in names:
            cluster.until(lambda n=name: bool(pod(n)), f"{name} runs")
        assert pod("lost")["spec"]["nodeName"] == node
        cluster.evict(pod("evicted")["metadata"]["name"], namespace)
        cluster.kubectl("delete", "pod", pod("deleted")["metadata"]["name"], "-n", namespace, "--wait=false")
        cluster.lose_nodes(node)
        for name in names:
            cluster.until(lambda n=name: _ended(cluster, namespace, n), f"{name} has ended")
            status = _first(cluster, namespace, name)["status"]
            assert condition({"status": status})["status"] == "True", (name, status)
            assert (status["train"]["attempt"], status["train"]["preemptions"]) == (2, 1), (name, status["train"])
            assert status["train"]["attempts"][0]["class"] == "preempted"
    finally:
        operator.kill()
        cluster.remove_node(node)


WAITS: list[tuple[str, Mapping[str, Any], str]] = [
    ("image", {"env": {"TEST_FAULT": "image"}}, "ImagePullBackOff"),
    ("secret", {"env": {"TEST_FAULT": "secret"}}, "CreateContainerConfigError"),
    ("account", {"train": {"serviceAccountName": "nobody"}}, "ServiceAccountMissing"),
    ("storage", {"storage": {"runVolume": {"claim": {"storageClassName": "none"}}}}, "Unschedulable"),
    ("node", {"train": {"nodeSelector": {"no": "where"}}}, "Unschedulable"),
]


def test_what_keeps_a_run_from_starting_is_its_reason(cluster: Cluster, namespace: str, operator: Operator) -> None:
    for name, spec, _ in WAITS:
        cluster.apply(sweep(name, limits=ONE, **spec), namespace)
    for name, _, said in WAITS:
        until_reason(cluster, "sweeprun", f"{name}.r.0", namespace, said)
        assert condition(_first(cluster, namespace, name))["message"]
    # nothing was learned, and a corrected namespace goes on by itself
    assert cluster.get("sweep", "account", namespace)["status"]["optimizer"]["observations"] == 0
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    cluster.until(lambda: _ended(cluster, namespace, "account"), "the account's run has ended")


def test_a_full_quota_and_pod_security_are_told_and_waited_for(cluster: Cluster) -> None:
    namespace = cluster.namespace(**{"pod-security.kubernetes.io/enforce": "baseline"})
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    with Operator(cluster, namespace):
        cluster.apply(quota, namespace)
        cluster.until(lambda: bool(cluster.get("quota", "few", namespace).get("status")), "the quota counts")
        cluster.apply(sweep("full", limits=ONE), namespace)
        privileged = {"podTemplate": {"spec": {"hostNetwork": True}}}
        cluster.apply(sweep("host", limits=ONE, train=privileged), namespace)
        cluster.apply(sweep("typo", train={"podTemplate": {"spec": {"nodeSelektor": {"a": "b"}}}}), namespace)
        cluster.until(lambda: reason(cluster, "sweeprun", "full.r.0", namespace) == "QuotaExceeded", "quota")
        cluster.until(lambda: 'unknown field "spec.nodeSelektor"' in _accepted(cluster, namespace, "typo"), "a typo")
        cluster.kubectl("delete", "quota", "few", "-n", namespace)
        cluster.until(lambda: reason(cluster, "sweeprun", "host.r.0", namespace) == "PodSecurity", "security")
        cluster.until(lambda: _ended(cluster, namespace, "full"), "with room it runs")
        assert condition(_first(cluster, namespace, "full"))["status"] == "True"


def test_gpus_are_shared_and_never_exceeded(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"profiles: {{gpu: {{gpus: 2, nodeSelector: {{pool: {namespace}}}, "
        "tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]}}"
    )
    node = f"gpu-{namespace}"
    taint = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    cluster.add_node(node, labels={"pool": namespace}, taints=[taint], gpus=8)
    operator = Operator(cluster, namespace, f"--config={config}").start()
    try:
        for name in ("one", "two"):
            limits = {"maxRuns": 6, "maxParallelRuns": 4}
            cluster.apply(sweep(name, limits=limits, train={"hardware": "gpu"}, env={"TEST_SECONDS": "2s"}), namespace)
        for name in ("one", "two"):
            until_reason(cluster, "sweep", name, namespace, "MaxRunsReached")
            check_ended_well(cluster, namespace, name, 6)
        pods = cluster.list("pods", namespace)
        assert {p["spec"]["nodeName"] for p in pods} == {node}
        ends = [p["status"]["containerStatuses"][0]["state"]["terminated"] for p in pods]
        assert len(ends) == 12
        assert 2 <= most_at_once([(end["startedAt"], end["finishedAt"]) for end in ends]) <= 4
    finally:
        operator.kill()
        cluster.remove_node(node)


def test_an_edit_touches_next_runs_only_and_a_corrected_sweep_goes_on(
    cluster: Cluster, namespace: str, operator: Operator
) -> None:
    cluster.apply(sweep("edit", limits={"maxRuns": 9}, perRun=NO_WAIT, env={"TEST_FAULT": "parameters"}), namespace)
    cluster.until(lambda: reason(cluster, "sweep", "edit", namespace) == "TooManyConsecutiveFailures", "it gives up")
    assert len(runs(cluster, namespace, "edit")) == 3
    cluster.patch("sweep", "edit", namespace, {"spec": {"train": {"image": "played:2", "env": []}}})
    cluster.until(lambda: reason(cluster, "sweep", "edit", namespace) == "MaxRunsReached", "it goes on")
    found = runs(cluster, namespace, "edit")
    assert [condition(r)["status"] for r in found] == ["False"] * 3 + ["True"] * 6
    assert len({r["status"]["templateHash"] for r in found[:3]}) == 1
    assert found[0]["status"]["templateHash"] != found[3]["status"]["templateHash"]


def test_suspend_stop_and_manual_runs(cluster: Cluster, namespace: str, operator: Operator) -> None:
    cluster.apply(sweep("steered", limits={"maxRuns": 50, "maxParallelRuns": 2}, env={"TEST_SECONDS": "1s"}), namespace)
    cluster.until(lambda: len(runs(cluster, namespace, "steered")) >= 3, "it runs")
    cluster.patch("sweep", "steered", namespace, {"spec": {"suspend": True}})
    cluster.until(lambda: reason(cluster, "sweep", "steered", namespace) == "Suspended", "it is suspended")
    cluster.until(lambda: all(condition(r)["status"] == "True" for r in runs(cluster, namespace, "steered")), "drained")
    drained = len(runs(cluster, namespace, "steered"))
    cluster.patch("sweep", "steered", namespace, {"spec": {"suspend": False}})
    cluster.until(lambda: len(runs(cluster, namespace, "steered")) > drained, "it goes on")
    cluster.patch("sweep", "steered", namespace, {"spec": {"stop": True}})
    cluster.until(lambda: reason(cluster, "sweep", "steered", namespace) == "Stopped", "it is stopped")
    cluster.apply(manual_run("mine", "steered", x=0.25), namespace)
    cluster.until(lambda: reason(cluster, "sweeprun", "mine", namespace) == "Completed", "a manual run runs")
    assert cluster.get("sweeprun", "mine", namespace)["status"]["score"] == 0.25


def test_a_namespace_with_a_running_sweep_goes_away_once_an_operator_is_back(cluster: Cluster, namespace: str) -> None:
    other = cluster.namespace()
    with Operator(cluster, other):
        cluster.apply(sweep("gone", limits={"maxRuns": 4, "maxParallelRuns": 4}, env={"TEST_SECONDS": "2s"}), other)
        cluster.until(lambda: len(cluster.list("pods", other)) == 4, "it runs")
    cluster.kubectl("delete", "namespace", other, "--wait=false")
    with Operator(cluster, namespace, f"--namespace={other}", kubeconfig=cluster.kubeconfig):
        cluster.until(lambda: f"namespace/{other}" not in cluster.names("namespaces"), "the namespace is gone")


def test_a_deeply_nested_sweep_does_not_stop_the_others(cluster: Cluster, shared: Operator) -> None:
    """10 kB that the API server accepts, and that Python's JSON parser rejects with RecursionError."""
    ns = shared.namespace
    deep = '{"a":' * 1500 + "1" + "}" * 1500
    body = json.dumps(sweep("deep", limits=ONE, train={"podTemplate": {"spec": "DEEP"}})).replace('"DEEP"', deep)
    cluster.kubectl("create", "--validate=false", "-n", ns, "-f", "-", stdin=body)
    cluster.apply(sweep("beside", limits=ONE), ns)
    cluster.until(lambda: _ended(cluster, ns, "beside"), "another Sweep runs")
    asked = ("get", "sweep", "deep", "-n", ns, "-o", "jsonpath={.status.conditions[*].message}")
    said = "spec.train.podTemplate: is nested more than 64 levels deep"
    cluster.until(lambda: said in cluster.kubectl(*asked), "the deep one says why it is not accepted")
    cluster.kubectl("delete", "sweep", "deep", "-n", ns)
