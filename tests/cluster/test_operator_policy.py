"""The admission policies of the operator's service account: what they reject, and that a sweep passes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sweep_operator.api.names import GROUP, MANAGED_BY, MANAGED_BY_LABEL, RESULT_FINALIZER
from tests.chart.renders import account
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import KubectlFailed, Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import check_ended_well, condition, manual_run, runs, sweep, until_reason

ALLOW = "operatorPolicy.allow"
MANAGED_ONLY = "only to objects with the label"
MAIN = {"name": "main", "image": "played:1"}
ADDS = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
TOKEN = {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}


class Guarded(NamedTuple):
    """A namespace whose service account ``sweep-operator`` has the chart's rights and policies."""

    cluster: Cluster
    namespace: str
    kubeconfig: Path

    def ask(self, verb: str, *arguments: str, body: Object | None = None) -> str:
        """What the API server answers to the account: ``allowed``, or why it refuses."""
        stdin = ("-f", "-") if body is not None else ()
        command = (verb, f"--kubeconfig={self.kubeconfig}", "-n", self.namespace, *arguments, *stdin)
        try:
            self.cluster.kubectl(*command, stdin=json.dumps(body))
        except KubectlFailed as error:
            return str(error)
        return "allowed"

    def patch(self, pod: str, patch: Mapping[str, Any]) -> str:
        """The answer to a patch of a pod."""
        kind = "strategic" if "spec" in patch else "merge"
        return self.ask("patch", "pod", pod, f"--type={kind}", "-p", json.dumps(patch))


@pytest.fixture(scope="module")
def guarded(cluster: Cluster) -> Guarded:
    namespace = cluster.namespace()
    cluster.apply(account(namespace), namespace)
    made = Guarded(cluster, namespace, cluster.kubeconfig_for(namespace, MANAGED_BY))
    cluster.until(lambda: "ValidatingAdmissionPolicy" in made.ask("create", body=pod("early")), "pods are denied")
    cluster.until(lambda: "hostPID" in made.ask("create", "--dry-run=server", body=job(hostPID=True)), "Jobs too")
    cluster.apply(revision("early"), namespace)
    delete = ("delete", "controllerrevision", "early", "--dry-run=server")
    cluster.until(lambda: MANAGED_ONLY in made.ask(*delete), "and deletions of what is not managed")
    return made


def pod(name: str, labels: Mapping[str, str] | None = None, **spec: Any) -> Object:
    meta = {"name": name, "labels": dict(labels or {})}
    spec = {"containers": [MAIN], "nodeSelector": {"nowhere": "true"}, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def job(**spec: Any) -> Object:
    """A Job like the operator's, with more fields in its pod's spec."""
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [MAIN], **spec}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "any"}}
    return {**body, "spec": {"template": {"spec": {k: v for k, v in spec.items() if v is not None}}}}


JOBS: list[tuple[str, Object]] = [
    ("hostPID", {"hostPID": True}),
    ("hostIPC", {"hostIPC": True}),
    ("hostNetwork", {"hostNetwork": True}),
    ("hostNetwork", {"containers": [{**MAIN, "ports": [{"containerPort": 80}, {"containerPort": 1, "hostPort": 1}]}]}),
    ("hostPath", {"volumes": [{"name": "e", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/"}}]}),
    ("privileged", {"containers": [MAIN, {"name": "b", "image": "b", "securityContext": {"privileged": True}}]}),
    ("privileged", {"initContainers": [{"name": "i", "image": "i", "securityContext": {"privileged": True}}]}),
    ("capabilities", {"containers": [{**MAIN, **ADDS}]}),
    ("capabilities", {"initContainers": [{"name": "i", "image": "i", **ADDS}]}),
    ("serviceAccountToken", {"automountServiceAccountToken": True}),
    ("serviceAccountToken", {"automountServiceAccountToken": None}),
    ("serviceAccountToken", {"volumes": [TOKEN]}),
]


@pytest.mark.parametrize(("feature", "spec"), JOBS, ids=[f"{n}-{feature}" for n, (feature, _) in enumerate(JOBS)])
def test_jobs_with_access_to_the_node_or_to_a_token_are_denied(guarded: Guarded, feature: str, spec: Object) -> None:
    assert guarded.ask("create", "--dry-run=server", body=job()) == "allowed"
    said = guarded.ask("create", "--dry-run=server", body=job(**spec))
    assert "(Forbidden)" in said or "is forbidden" in said
    assert f"{MANAGED_BY}.{guarded.namespace}.jobs.{GROUP}" in said
    assert f"An administrator can allow {feature} in this namespace ({ALLOW}" in said


def test_pods_are_created_as_dry_runs_only(guarded: Guarded) -> None:
    assert guarded.ask("create", "--dry-run=server", body=pod("dry", hostPID=True)) == "allowed"
    assert "only as dry runs" in guarded.ask("create", body=pod("real"))


def test_pods_are_changed_only_by_removing_the_result_finalizer(guarded: Guarded) -> None:
    body = pod("held", {"app": "train"})
    body["metadata"]["finalizers"] = [RESULT_FINALIZER, "example.com/other"]
    guarded.cluster.apply(body, guarded.namespace)
    changes: list[Object] = [
        {"metadata": {"labels": {"app": "other"}}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {"finalizers": [RESULT_FINALIZER]}},
        {"metadata": {"finalizers": ["example.com/other", "example.com/new"]}},
        {"metadata": {"finalizers": ["example.com/other"], "labels": {"app": "other"}}},
        {"spec": {"activeDeadlineSeconds": 1}},
        {"spec": {"containers": [{**MAIN, "image": "other:1"}]}},
    ]
    for change in changes:
        assert "only by removing the finalizer" in guarded.patch("held", change), change
    assert guarded.patch("held", {"metadata": {"finalizers": ["example.com/other"]}}) == "allowed"
    assert guarded.cluster.get("pod", "held", guarded.namespace)["metadata"]["finalizers"] == ["example.com/other"]
    guarded.cluster.patch("pod", "held", guarded.namespace, {"metadata": {"finalizers": None}})


def test_only_managed_objects_are_deleted(guarded: Guarded) -> None:
    managed = {MANAGED_BY_LABEL: MANAGED_BY}
    guarded.cluster.apply([pod("theirs"), pod("ours", managed)], guarded.namespace)
    guarded.cluster.apply([revision("theirs"), revision("ours", managed)], guarded.namespace)
    guarded.cluster.apply([sweep("mine", suspend=True), manual_run("theirs", "mine", x=0.5)], guarded.namespace)
    label = ("--type=merge", "-p", json.dumps({"metadata": {"labels": {"a": "b"}}}))
    assert MANAGED_ONLY in guarded.ask("patch", "controllerrevision", "theirs", *label)
    assert guarded.ask("patch", "controllerrevision", "ours", *label) == "allowed"
    for kind in ("pod", "controllerrevision", "sweeprun"):
        assert MANAGED_ONLY in guarded.ask("delete", kind, "theirs", "--wait=false"), kind
    for kind in ("pod", "controllerrevision"):
        assert guarded.ask("delete", kind, "ours", "--wait=false") == "allowed", kind


def revision(name: str, labels: Mapping[str, str] | None = None) -> Object:
    meta = {"name": name, "labels": dict(labels or {})}
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta, "revision": 1, "data": {"a": 1}}


def test_a_denied_run_says_why_and_runs_once_it_is_allowed(cluster: Cluster, namespace: str) -> None:
    """Runs of the namespace that keep to the rules are not affected."""
    on_host = {"podTemplate": {"spec": {"hostNetwork": True}}}
    short = {"pendingDeadlineSeconds": 1}
    with Operator(cluster, namespace, account=account(namespace)) as operator:
        plain = sweep("plain", eval={}, limits={"maxRuns": 2}, train={"nodes": 2}, storage={"retention": "none"})
        cluster.apply(plain, namespace)
        cluster.apply(sweep("host", train=on_host, limits={"maxRuns": 1}), namespace)
        cluster.apply(sweep("fails", train=on_host, limits={"maxRuns": 1}, perRun=short), namespace)
        cluster.until(lambda: bool(_events(cluster, namespace, "host", "JobForbidden")), "denied at once")
        (early,) = _events(cluster, namespace, "host", "JobForbidden")
        assert f"An administrator can allow hostNetwork in this namespace ({ALLOW}" in early["message"]
        waiting = until_reason(cluster, "sweeprun", "host.r.0", namespace, "Forbidden")
        said = condition(waiting)["message"]
        assert f"ValidatingAdmissionPolicy '{MANAGED_BY}.{namespace}.jobs.{GROUP}'" in said
        assert f"An administrator can allow hostNetwork in this namespace ({ALLOW}" in said
        cluster.until(lambda: condition(_first(cluster, namespace, "fails")).get("status") == "False", "it has failed")
        failed = _first(cluster, namespace, "fails")["status"]
        assert (failed["failure"]["class"], condition({"status": failed})["reason"]) == ("infrastructure", "Forbidden")
        assert "ValidatingAdmissionPolicy" in condition({"status": failed})["message"]
        check_sweep_ended(cluster, namespace, "plain", 2)

        cluster.apply(account(namespace, allow={namespace: ["hostNetwork"]}), namespace)
        check_sweep_ended(cluster, namespace, "host", 1)
        denied = [e for e in cluster.audit(operator.account) if e["responseStatus"].get("code") == 403]
        assert {e["objectRef"]["name"] for e in denied} <= {"host-r-0-train-1", "fails-r-0-train-1"}, denied


def check_sweep_ended(cluster: Cluster, namespace: str, name: str, count: int) -> None:
    until_reason(cluster, "sweep", name, namespace, "MaxRunsReached")
    check_ended_well(cluster, namespace, name, count)


def _events(cluster: Cluster, namespace: str, name: str, reason: str) -> list[Object]:
    found = cluster.list("events", namespace)
    return [e for e in found if e["reason"] == reason and e["involvedObject"]["name"] == name]


def _first(cluster: Cluster, namespace: str, name: str) -> Object:
    found = runs(cluster, namespace, name)
    return found[0] if found else {}
