"""The chart is uninstalled: what users have stays, nothing waits for an operator, and the next one goes on."""

from __future__ import annotations

from dev.generate.rbac import RELEASE_RULES, STOP_RULES
from sweep_operator.api.names import RESULT_FINALIZER
from tests.cluster.chart import Release
from tests.cluster.given import GivenCluster
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import NodeCluster
from tests.cluster.rights import asked, rights_of
from tests.cluster.sweeps import check_ended_well, ended, running_pods, runs
from tests.e2e.conftest import RESTRICTED
from tests.e2e.sweeps import finished, of_x, until_in_the_middle
from tests.e2e.workload import Workload
from tests.e2e.workload import workload as workload_of

KINDS = "crd,validatingadmissionpolicy,validatingadmissionpolicybinding"
WHILE_THERE = """
import socket, time
while True:
    try:
        socket.getaddrinfo("{host}", 80)
    except socket.gaierror:
        break
    time.sleep(0.5)
"""


def scores(cluster: Kubectl, namespace: str) -> dict[str, float]:
    """Of the sweep's runs that have one."""
    status = {r["metadata"]["name"]: r.get("status") or {} for r in runs(cluster, namespace, "kept")}
    return {name: found["score"] for name, found in status.items() if "score" in found}


def test_sweeps_and_results_outlive_the_operator(
    cluster: NodeCluster | GivenCluster, namespace: str, workload: Workload, operator: Release
) -> None:
    other = cluster.namespace(**RESTRICTED)
    # the first run ends at once; the others end when the operator's Service has gone with the chart
    outlives = WHILE_THERE.format(host=f"{operator.name}.{operator.namespace}.svc")
    program = f"""test "$SWEEP_RUN_INDEX" = 0 || python -c '{outlives}'"""
    cluster.apply(of_x("kept", workload, program, maxRuns=3, maxParallelRuns=2), namespace)
    cluster.apply(of_x("gone", workload_of(cluster, other), program, maxRuns=2, maxParallelRuns=1), other)
    until_in_the_middle(cluster, namespace, "kept")
    until_in_the_middle(cluster, other, "gone")
    scored = scores(cluster, namespace)
    assert scored
    operator.uninstall()
    # the operator and what was made to remove it are gone
    kinds = "deployment,pod,job,role,rolebinding,serviceaccount,configmap"  # the pod of the hook's Job follows it
    cluster.until(
        lambda: not [name for name in cluster.names(kinds, operator.namespace) if operator.name in name],
        "nothing of the chart is left",
    )
    assert not [name for name in cluster.names("clusterrole,clusterrolebinding") if operator.namespace in name]
    if isinstance(cluster, NodeCluster):
        used = {right for right, _ in asked(cluster, f"{operator.account}-uninstall")}
        assert used == rights_of([*STOP_RULES, *RELEASE_RULES])
    # the kinds, and all that users have, are not
    assert len([name for name in cluster.names(KINDS) if name.endswith(".metta.ai")]) == 6
    assert scores(cluster, namespace) == scored
    # what trained goes on, and ends with nobody there to read it; no pod waits for that
    for there, sweep in ((namespace, "kept"), (other, "gone")):
        cluster.until(lambda n=there, s=sweep: not running_pods(cluster, n, s), "the trainings have ended")
        assert not [p for p in cluster.list("pods", there) if RESULT_FINALIZER in p["metadata"].get("finalizers", [])]
        assert [r for r in runs(cluster, there, sweep) if not ended(r)]
    # so a namespace can be deleted
    cluster.kubectl("delete", "namespace", other, "--timeout=300s", timeout=320)
    # the next operator reads what the last one could not, and goes on
    operator.install()
    finished(cluster, namespace, "kept")
    done = check_ended_well(cluster, namespace, "kept", 3)
    assert [run["status"]["train"]["attempt"] for run in done] == [1] * 3
