"""The test cluster itself: a real control plane, pods played by KWOK."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import KubectlFailed


def job(name: str, **env: str) -> dict[str, Any]:
    variables = [{"name": k, "value": v} for k, v in {"SWEEP_PARAM_X": "0.625", "SWEEP_ATTEMPT": "1", **env}.items()]
    container = {"name": "main", "image": "i", "env": variables}
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"job": name}}, "spec": pod}},
    }


def pods(cluster: Cluster, namespace: str, name: str) -> list[dict[str, Any]]:
    return cluster.list("pods", namespace, job=name)


def main_state(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict(statuses[0].get("state") or {})


def finished(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    def ended() -> bool:
        return any(main_state(p).get("terminated") for p in pods(cluster, namespace, name))

    cluster.until(ended, f"the pod of {name} has ended")
    return dict(main_state(pods(cluster, namespace, name)[0])["terminated"])


def test_a_job_completes_and_its_message_follows_from_its_environment(cluster: Cluster, namespace: str) -> None:
    cluster.apply(job("good"), namespace)
    cluster.kubectl("wait", "--for=condition=Complete", "job/good", "-n", namespace, "--timeout=180s", timeout=200)
    ended = finished(cluster, namespace, "good")
    assert (ended["exitCode"], json.loads(ended["message"])) == (0, {"score": 0.625, "reward": 0.625})
    assert ended["startedAt"] <= ended["finishedAt"]


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [("crash", 1, "Error"), ("parameters", 65, "Error"), ("oom", 137, "OOMKilled"), ("huge", 0, "Completed")],
)
def test_faults_that_end(cluster: Cluster, namespace: str, fault: str, code: int, reason: str) -> None:
    cluster.apply(job(fault, TEST_FAULT=fault), namespace)
    ended = finished(cluster, namespace, fault)
    assert (ended["exitCode"], ended["reason"]) == (code, reason)


def test_a_fault_spoils_only_the_attempts_it_is_for(cluster: Cluster, namespace: str) -> None:
    cluster.apply(job("second", TEST_FAULT="crash", TEST_FAULT_ATTEMPTS="1", SWEEP_ATTEMPT="2"), namespace)
    assert finished(cluster, namespace, "second")["exitCode"] == 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("image", "ImagePullBackOff"), ("secret", "CreateContainerConfigError"), ("never", "ContainerCreating")],
)
def test_faults_that_wait(cluster: Cluster, namespace: str, fault: str, reason: str) -> None:
    cluster.apply(job(fault, TEST_FAULT=fault), namespace)

    def waits() -> bool:
        return any(
            (main_state(p).get("waiting") or {}).get("reason") == reason for p in pods(cluster, namespace, fault)
        )

    cluster.until(waits, f"{fault} shows {reason}")


@pytest.mark.parametrize(("fault", "code"), [("hang", 143), ("trap", 0)])
def test_an_evicted_pod_is_a_disruption_whatever_its_exit_code(
    cluster: Cluster, namespace: str, fault: str, code: int
) -> None:
    body = job(fault, TEST_FAULT=fault)
    body["spec"]["template"]["metadata"]["finalizers"] = ["test.io/hold"]
    cluster.apply(body, namespace)

    def runs() -> bool:
        return any(main_state(p).get("running") for p in pods(cluster, namespace, fault))

    cluster.until(runs, "it runs")
    name = pods(cluster, namespace, fault)[0]["metadata"]["name"]
    cluster.evict(name, namespace)
    assert finished(cluster, namespace, fault)["exitCode"] == code
    conditions = {c["type"]: c["status"] for c in cluster.get("pod", name, namespace)["status"]["conditions"]}
    assert conditions["DisruptionTarget"] == "True"

    looks = itertools.count()

    def let_go() -> bool:
        # what plays the node may lose a step when a pod changes while it is due; a change makes it look again
        cluster.patch("pod", name, namespace, {"metadata": {"annotations": {"test.io/look": str(next(looks))}}})
        return cluster.get("pod", name, namespace)["metadata"].get("deletionGracePeriodSeconds") == 0

    def counted() -> bool:
        return cluster.get("pod", name, namespace)["metadata"]["finalizers"] == ["test.io/hold"]

    cluster.until(let_go, "its node has let go of it")
    cluster.until(counted, "its Job has counted it, and will not replace it")
    cluster.patch("pod", name, namespace, {"metadata": {"finalizers": None}})
    cluster.until(lambda: not pods(cluster, namespace, fault), "the pod goes when nothing holds it")


def test_a_lost_node_deletes_its_pods_and_nobody_ends_them(cluster: Cluster, namespace: str) -> None:
    name = f"lost-{namespace}"
    cluster.add_node(
        name,
        labels={"for": namespace},
        taints=[{"key": "for", "value": namespace, "effect": "NoSchedule"}],
        played_by=name,
    )
    body = job("hang", TEST_FAULT="hang")
    body["spec"]["template"]["spec"] |= {
        "nodeSelector": {"for": namespace},
        "tolerations": [{"key": "for", "operator": "Exists"}],
    }
    cluster.apply(body, namespace)
    cluster.until(lambda: any(main_state(p).get("running") for p in pods(cluster, namespace, "hang")), "it runs")
    cluster.lose_nodes(name)
    cluster.until(
        lambda: any(p["metadata"].get("deletionTimestamp") for p in pods(cluster, namespace, "hang")),
        "it is deleted",
    )
    assert main_state(pods(cluster, namespace, "hang")[0]).get("running")
    cluster.remove_node(name)


def test_an_unschedulable_pod_says_why(cluster: Cluster, namespace: str) -> None:
    body = job("big")
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "9"}}
    cluster.apply(body, namespace)

    def said() -> bool:
        conditions = [c for p in pods(cluster, namespace, "big") for c in p.get("status", {}).get("conditions") or []]
        return any("Insufficient nvidia.com/gpu" in (c.get("message") or "") for c in conditions)

    cluster.until(said, "the scheduler says why")


def test_accounts_have_their_own_rights_and_the_audit_log_tells_what_they_did(cluster: Cluster, namespace: str) -> None:
    limited = cluster.kubeconfig_for(namespace, "default")
    with pytest.raises(KubectlFailed, match="forbidden"):
        cluster.kubectl(f"--kubeconfig={limited}", "get", "pods", "-n", namespace)
    user = f"system:serviceaccount:{namespace}:default"
    cluster.until(
        lambda: any(e["objectRef"]["resource"] == "pods" for e in cluster.audit(user) if "objectRef" in e), "audit"
    )


def test_the_api_server_comes_back_with_everything(cluster: Cluster, namespace: str) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}, namespace)
    cluster.stop_apiserver()
    try:
        with pytest.raises(KubectlFailed):
            cluster.get("configmap", "c", namespace)
    finally:
        cluster.start_apiserver()
    assert cluster.get("configmap", "c", namespace)["data"] == {"a": "1"}


def test_the_proxy_loses_answers_of_requests_that_were_carried_out(cluster: Cluster, namespace: str) -> None:
    path = cluster.proxied(cluster.kubeconfig)
    options = [f"--kubeconfig={path}", "-n", namespace]
    cluster.kubectl(*options, "get", "pods")
    cluster.proxy.mode = "cut"
    with pytest.raises(KubectlFailed):
        cluster.kubectl(*options, "get", "pods")
    cluster.proxy.mode = "pass"
    cluster.kubectl(*options, "get", "pods")
