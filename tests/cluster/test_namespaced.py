"""An operator for given namespaces: installed and run with permissions in these namespaces only."""

from __future__ import annotations

import pytest

from sweep_operator.api.names import MANAGED_BY
from tests.chart.renders import CASES
from tests.cluster.chart import CHART, Helm, HelmFailed
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.rights import Right, asked
from tests.cluster.sweeps import check_ended_well, sweep, until_reason

RBAC = "rbac.authorization.k8s.io"
INSTALLER = "installer"


def installer_in(namespace: str, home: str) -> Object:
    """All permissions in one namespace for the account that installs the chart."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": INSTALLER, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": INSTALLER, "namespace": home}],
    }


def test_a_team_installs_it_and_it_works_in_its_namespaces_only(cluster: Cluster) -> None:
    home, first, second, other = (cluster.namespace() for _ in range(4))
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": INSTALLER}}, home)
    for namespace in (home, first, second):
        cluster.apply(installer_in(namespace, home), namespace)
    kubeconfig = cluster.kubeconfig_for(home, INSTALLER)
    for namespace in (home, first, second):
        cluster.until_allowed(kubeconfig, namespace, "create", "roles")
    helm = Helm(cluster.folder)
    # no pod of the Deployment: the operator is a process of this test
    values = CASES["nothing-but-namespaces"] | {"namespaces": [first, second], "replicas": 0}
    where = (f"--namespace={home}", f"--kubeconfig={kubeconfig}")
    with pytest.raises(HelmFailed, match=f'in the namespace "{other}"'):
        install(helm, values | {"namespaces": [first, other]}, where)
    install(helm, values, where)
    cluster.until(lambda: "role" in " ".join(cluster.names("role", second)), "its Roles are there")

    options = (f"--namespace={second}", f"--lease-namespace={home}", f"--lease-name={MANAGED_BY}")
    account = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unrelated"}}]
    as_installed = cluster.kubeconfig_for(home, MANAGED_BY)
    with Operator(cluster, first, *options, kubeconfig=as_installed, account=account):
        for namespace in (first, second, other):
            cluster.apply(sweep("mine", limits={"maxRuns": 2}, eval={}), namespace)
        for namespace in (first, second):
            until_reason(cluster, "sweep", "mine", namespace, "MaxRunsReached")
            check_ended_well(cluster, namespace, "mine", 2)
    assert "status" not in cluster.get("sweep", "mine", other)

    used = {
        (event["objectRef"].get("namespace"), right)
        for right, event in asked(cluster, f"system:serviceaccount:{home}:{MANAGED_BY}")
    }
    assert {namespace for namespace, _ in used} == {home, first, second}
    assert {right.resource for namespace, right in used if namespace == home} == {"leases"}
    for right in (Right("batch", "jobs", "create"), Right("", "pods", "list"), Right("", "pods", "patch")):
        assert {namespace for namespace, found in used if found == right} == {first, second}
    helm.run("uninstall", MANAGED_BY, *where, "--no-hooks")
    cluster_wide = [
        event["requestURI"]
        for event in cluster.audit(f"system:serviceaccount:{home}:{INSTALLER}")
        if (what := event.get("objectRef") or {}).get("resource")
        and not what.get("namespace")
        and what["resource"] != "selfsubjectaccessreviews"  # with which this test has asked for the account's rights
    ]
    assert not cluster_wide


def install(helm: Helm, values: Object, where: tuple[str, ...]) -> None:
    helm.run("upgrade", MANAGED_BY, CHART, "--install", f"--values={helm.values(values)}", *where)
