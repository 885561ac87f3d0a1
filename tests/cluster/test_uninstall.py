"""sweep-operator-uninstall: what the chart calls before it is deleted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sweep_operator.api.names import RESULT_FINALIZER
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import PATIENCE, Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import running_pods, sweep

COMMAND = str(Path(sys.executable).with_name("sweep-operator-uninstall"))
LABELS = {"app": "an-operator"}


def uninstall(cluster: Cluster, *arguments: str) -> tuple[int, str]:
    """Its exit code and what it says."""
    command = [COMMAND, f"--kubeconfig={cluster.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def held(cluster: Cluster, namespace: str) -> list[str]:
    """Pods that wait for an operator."""
    pods = cluster.list("pods", namespace)
    return [p["metadata"]["name"] for p in pods if RESULT_FINALIZER in p["metadata"].get("finalizers", [])]


DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "operator"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "main", "image": "played:1"}]}},
    },
}
LONELY: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "lonely", "labels": LABELS},
    "spec": {"nodeName": "no-such-node", "containers": [{"name": "main", "image": "played:1"}]},
}
"""Of the operator by its labels; on no node, so that it never ends."""


def running(cluster: Cluster, namespace: str) -> list[Object]:
    return [p for p in cluster.list("pods", namespace, **LABELS) if p["status"].get("phase") == "Running"]


def test_pods_of_the_named_namespaces_wait_for_nobody(cluster: Cluster) -> None:
    here, there = cluster.namespace(), cluster.namespace()
    hangs = sweep("hangs", env={"TEST_FAULT": "hang"}, limits={"maxRuns": 1})
    with Operator(cluster, here) as one, Operator(cluster, there) as two:
        for namespace in (here, there):
            cluster.apply(hangs, namespace)
        for namespace in (here, there):
            cluster.until(lambda n=namespace: bool(running_pods(cluster, n, "hangs")), f"it runs in {namespace}")
        one.kill()
        two.kill()
    before = cluster.get("sweeprun", "hangs.r.0", here)
    assert (len(held(cluster, here)), len(held(cluster, there))) == (1, 1)
    code, said = uninstall(cluster, f"--namespace={here}")
    assert (code, "finalizer removed from pods: 1" in said) == (0, True), said
    assert (len(held(cluster, here)), len(held(cluster, there))) == (0, 1)
    assert cluster.get("sweeprun", "hangs.r.0", here) == before
    assert running_pods(cluster, here, "hangs"), "what trains goes on"
    # again: nothing is left to do; without --namespace, everywhere
    assert "from pods: 0" in uninstall(cluster, f"--namespace={here}")[1]
    code, _ = uninstall(cluster)
    assert (code, held(cluster, there)) == (0, [])


def test_it_goes_on_when_no_pod_of_the_operator_runs(cluster: Cluster, namespace: str) -> None:
    cluster.apply([DEPLOYMENT, LONELY], namespace)
    # evicted
    cluster.patch("pod", "lonely", namespace, {"status": {"phase": "Failed"}}, "--subresource=status")
    cluster.until(lambda: bool(running(cluster, namespace)), "it runs")
    where = ("--deployment=operator", f"--deployment-namespace={namespace}", "--selector=app=an-operator")
    code, said = uninstall(cluster, *where, f"--namespace={namespace}")
    assert (code, "the operator is stopped" in said) == (0, True), said
    assert cluster.get("deployment", "operator", namespace)["spec"]["replicas"] == 0
    assert not running(cluster, namespace)
    cluster.kubectl("delete", "deployment", "operator", "-n", namespace)
    code, said = uninstall(cluster, *where, f"--namespace={namespace}")
    assert (code, f"Deployment {namespace}/operator does not exist" in said) == (0, True), said


def test_an_operator_that_does_not_end_is_told(cluster: Cluster, namespace: str) -> None:
    cluster.apply([DEPLOYMENT, LONELY], namespace)
    where = ("--deployment=operator", f"--deployment-namespace={namespace}", "--selector=app=an-operator")
    code, said = uninstall(cluster, *where, f"--namespace={namespace}", "--timeout=6")
    assert (code, "not done within 6 s" in said) == (1, True), said
    assert "waiting for lonely" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--deployment=operator"], "--deployment requires --selector"),
        (["--deployment=operator", "--selector=app"], "--selector app: must be NAME=VALUE"),
        (["--namespace=a/b"], "'a/b' is not a valid name"),
    ],
)
def test_wrong_options_are_told_in_one_line(cluster: Cluster, arguments: list[str], says: str) -> None:
    code, said = uninstall(cluster, *arguments)
    assert code != 0
    assert says in said
    assert "Traceback" not in said
