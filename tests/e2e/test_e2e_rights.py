"""The operator's pod uses every right that the chart gives it, and asks for nothing else: by the audit log."""

from __future__ import annotations

import json

import pytest

from tests.cluster.audit import is_dry_run
from tests.cluster.chart import Release
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.node import NodeCluster
from tests.cluster.refused_jobs import allow_jobs, refuse_jobs
from tests.cluster.rights import Right, asked, until_all_are_used
from tests.cluster.sweeps import condition, ended, manual_run, objects_of
from tests.e2e.sweeps import of_x
from tests.e2e.workload import Workload

ONE = {"maxRuns": 1, "maxParallelRuns": 2}


def test_every_right_is_used(cluster: Kubectl, namespace: str, workload: Workload, operator: Release) -> None:
    """What no other test here needs: a restart between two writes, histories, a person's run, a lost node."""
    if not isinstance(cluster, NodeCluster):
        pytest.skip("nobody shows us this cluster's audit log")

    def sweep(name: str, program: str = "true", **spec: object) -> Object:
        made = of_x(name, workload, program, **ONE)
        for field, value in spec.items():
            made["spec"][field] = {**made["spec"].get(field, {}), **value} if isinstance(value, dict) else value
        return made

    refuse_jobs(cluster, namespace)
    cluster.apply(sweep("nodes", train={"nodes": 2}), namespace)
    job = Right("batch", "jobs", "create")
    cluster.until(
        lambda: any(
            right == job and event["objectRef"].get("namespace") == namespace and not is_dry_run(event)
            for right, event in asked(cluster, operator.account)
        ),
        "a Job is refused",
    )
    operator.upgrade(lostNodeSeconds=3)  # the next process finds the run, its attempt and its Service
    allow_jobs(cluster, namespace)

    rows = json.dumps({"parameters": {"x": 0.5}, "score": 0.5, "cost": 1})
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"}, "data": {"rows": rows}}
    sources = {"from": [{"configMap": "old"}, {"sweep": "nodes"}]}
    evaluates = {"command": ["python", "/etc/sweep/sweep_report.py", "reward=0.5"]}
    stored = sweep("stored", eval=evaluates, storage={"retention": "none"}, warmStart=sources)
    cluster.apply([old, stored, manual_run("mine", "stored", x=0.25)], namespace)
    results = {"source": "Log", "pattern": "reward=(?P<value>[0-9.]+)"}
    cluster.apply(sweep("logged", "echo reward=1", train={"results": results}), namespace)

    cluster.apply(lonely_node(namespace))
    there = {"nodeSelector": {"lonely": namespace}, "tolerations": [{"operator": "Exists"}]}
    cluster.apply(sweep("lost", train=there), namespace)
    cluster.until(lambda: any(p["spec"].get("nodeName") for p in pods(cluster, namespace)), "a pod is bound to it")
    (pod,) = pods(cluster, namespace)
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], "-n", namespace, "--wait=false", "--grace-period=1")

    for name in ("nodes.r.0", "stored.r.0", "mine", "logged.r.0"):
        cluster.until(lambda n=name: ended(cluster.get("sweeprun", n, namespace)), f"{name} has ended")
        assert condition(cluster.get("sweeprun", name, namespace))["status"] == "True", name
    # the run of a Sweep that is deleted without it, and created again
    cluster.kubectl("delete", "sweep", "logged", "--cascade=orphan", "-n", namespace)
    cluster.apply(sweep("logged", "echo reward=1", train={"results": results}), namespace)
    until_all_are_used(cluster, operator.account)
    cluster.kubectl("delete", "sweep", "lost", "-n", namespace)
    cluster.kubectl("delete", "node", f"lonely-{namespace}")


def pods(cluster: Kubectl, namespace: str) -> list[Object]:
    return objects_of(cluster, "pods", namespace, "lost")


def lonely_node(namespace: str) -> Object:
    """No kubelet is behind it: what is bound to it neither starts nor ends."""
    resources = {"cpu": "4", "memory": "8Gi", "pods": "10"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"lonely-{namespace}", "labels": {"lonely": namespace}},
        "spec": {"taints": [{"key": "lonely", "effect": "NoSchedule"}]},
        "status": {"capacity": resources, "allocatable": resources},
    }
