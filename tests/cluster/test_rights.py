"""The Role is exactly what the operator uses: nothing is missing, and nothing is given that it does not need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dev.generate.rbac import manifests
from sweep_operator.api.names import MANAGED_BY
from tests.chart.renders import account
from tests.cluster.audit import is_dry_run
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import KubectlFailed, Object
from tests.cluster.operator_process import Operator
from tests.cluster.refused_jobs import allow_jobs, refuse_jobs
from tests.cluster.rights import ALLOWED, ASKED_BY_ADMISSION, Right, asked, asked_paths, problem, until_all_are_used
from tests.cluster.sweeps import condition, ended, manual_run, sweep

ONE = {"maxRuns": 1}


def test_every_right_is_used_and_no_other(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Everything that an operator does, in one namespace: what its account asks for is the Role of the chart."""
    config = tmp_path / "config.yaml"
    config.write_text("lostNodeSeconds: 3")
    node = f"lost-{namespace}"
    taint = {"key": "lost", "value": namespace, "effect": "NoSchedule"}
    cluster.add_node(node, played_by=node, labels={"lost": namespace}, taints=[taint])
    refuse_jobs(cluster, namespace)

    operator = Operator(cluster, namespace, f"--config={config}", account=account(namespace)).start()
    try:
        # A process that ends between the Service of two nodes and their Job: the next one has not raised this attempt
        # itself, asks whether the live run still wants it, and finds the Service.
        cluster.apply(sweep("nodes", limits=ONE, train={"nodes": 2}), namespace)
        job = Right("batch", "jobs", "create")
        cluster.until(
            lambda: any(r == job and not is_dry_run(event) for r, event in asked(cluster, operator.account)),
            "a Job is refused",
        )
        operator.kill()
        allow_jobs(cluster, namespace)
        operator.start()

        # claims that are not kept; observations from a ConfigMap and from another Sweep; a run of a person's
        rows = json.dumps({"parameters": {"x": 0.5}, "score": 0.5, "cost": 1})
        cluster.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"}, "data": {"rows": rows}}, namespace
        )
        cluster.apply(
            sweep(
                "stored",
                limits=ONE,
                eval={},
                storage={"retention": "none"},
                warmStart={"from": [{"configMap": "old"}, {"sweep": "nodes"}]},
            ),
            namespace,
        )
        cluster.apply(manual_run("mine", "stored", x=0.25), namespace)
        # a result from a log (which nodes that are played do not have: the operator asks for it again and again)
        results = {"source": "Log", "pattern": "reward={reward}"}
        cluster.apply(sweep("logged", limits=ONE, train={"results": results}), namespace)
        # a pod that nobody can end
        there = {"tolerations": [{"key": "lost", "operator": "Exists"}], "nodeSelector": {"lost": namespace}}
        cluster.apply(sweep("lost", limits=ONE, train=there, env={"TEST_FAULT": "hang"}), namespace)
        cluster.until(
            lambda: any(
                p["spec"].get("nodeName") == node and p["status"].get("phase") == "Running"
                for p in cluster.list("pods", namespace)
            ),
            "it runs there",
        )
        cluster.lose_nodes(node)

        for name in ("nodes.r.0", "stored.r.0", "mine"):
            cluster.until(lambda n=name: ended(cluster.get("sweeprun", n, namespace)), f"{name} has ended")
            assert condition(cluster.get("sweeprun", name, namespace))["status"] == "True", name
        # runs of a Sweep that is deleted without them, and created again
        cluster.kubectl("delete", "sweep", "nodes", "--cascade=orphan", "-n", namespace)
        cluster.apply(sweep("nodes", limits=ONE, train={"nodes": 2}), namespace)
        uid = cluster.get("sweep", "nodes", namespace)["metadata"]["uid"]
        for kind, objects in (("sweepruns", "nodes.r."), ("controllerrevisions", "nodes-")):
            cluster.until(
                lambda k=kind, prefix=objects: all(
                    [o["uid"] for o in obj["metadata"].get("ownerReferences") or []] == [uid]
                    for obj in cluster.list(k, namespace)
                    if obj["metadata"]["name"].startswith(prefix)
                ),
                f"{kind} are adopted",
            )
        until_all_are_used(cluster, operator.account)
    finally:
        operator.kill()
        cluster.remove_node(node)
    used = {right for right, _ in asked(cluster, operator.account)}
    assert used | ASKED_BY_ADMISSION.keys() == ALLOWED
    assert not used & ASKED_BY_ADMISSION.keys(), "these are used: they belong in no table of exceptions"
    # what the check of the whole session would find
    right, event = next(asked(cluster, operator.account))
    assert problem(cluster, right, event) is None
    assert problem(cluster, right._replace(verb="escalate"), event) == "the Role does not give it"
    denied = {**event, "responseStatus": {"code": 403, "message": "User may not"}}
    assert problem(cluster, right, denied) == "denied: User may not"
    # kopf looks up the kinds that it watches, as every account may; it asks for no CRDs and no Namespaces
    paths = asked_paths(cluster, operator.account)
    assert "/apis/metta.ai/v1alpha1" in paths
    assert all(path in ("/api", "/apis") or path.startswith(("/api/", "/apis/")) for path in paths), paths


def _without(taken: Right, namespace: str) -> list[Object]:
    """The operator's account and roles, less one right."""
    made = manifests("namespace", namespace)
    for role in (m for m in made if m["kind"] == "Role"):
        role["rules"] = [
            {"apiGroups": [group], "resources": [resource], "verbs": verbs}
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            if (verbs := [v for v in rule["verbs"] if Right(group, resource, v) != taken])
        ]
    return made


@pytest.mark.parametrize("taken", ASKED_BY_ADMISSION, ids=lambda r: f"{r.verb} {r.resource}")
def test_what_admission_asks_for_is_needed(cluster: Cluster, namespace: str, taken: Right) -> None:
    revision = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "old"},
        "revision": 1,
        "data": {},
    }
    cluster.apply([sweep("owner"), manual_run("mine", "owner", x=0.5), revision], namespace)
    owner = {
        "apiVersion": "metta.ai/v1alpha1",
        "name": "owner",
        "uid": cluster.get("sweep", "owner", namespace)["metadata"]["uid"],
        "kind": "Sweep",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    run = {**owner, "kind": "SweepRun", "name": "mine"}
    run["uid"] = cluster.get("sweeprun", "mine", namespace)["metadata"]["uid"]
    cluster.apply(manifests("namespace", namespace), namespace)
    kubeconfig = cluster.kubeconfig_for(namespace, MANAGED_BY)

    def answer() -> str:
        """Of the API server, to what the operator does with owners; nothing is written."""
        as_operator = (f"--kubeconfig={kubeconfig}", "-n", namespace, "--dry-run=server")
        made = manual_run("other", "owner", x=0.5)
        made["metadata"]["ownerReferences"] = [owner]
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "c", "ownerReferences": [run]},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        adopted = json.dumps({"metadata": {"ownerReferences": [owner]}})
        try:
            cluster.kubectl("create", *as_operator, "-f", "-", stdin=json.dumps(made))
            cluster.kubectl("create", *as_operator, "-f", "-", stdin=json.dumps(claim))
            cluster.kubectl("patch", *as_operator, "sweeprun", "mine", "--type=merge", "-p", adopted)
            cluster.kubectl("patch", *as_operator, "controllerrevision", "old", "--type=merge", "-p", adopted)
        except KubectlFailed as error:
            return str(error)
        return "allowed"

    cluster.until(lambda: answer() == "allowed", "with the whole Role it may")
    cluster.apply(_without(taken, namespace), namespace)
    refusal = "resource you can't delete" if taken.verb == "delete" else "cannot set blockOwnerDeletion"
    cluster.until(lambda: refusal in answer(), f"without {taken} it may not")
