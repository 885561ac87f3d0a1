"""The fixture ``cluster`` here: the cluster of $KUBECONFIG, else one of our own with a real node."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.binaries import Missing
from tests.cluster.chart import HelmFailed, Release
from tests.cluster.fixtures import cannot_run, started
from tests.cluster.given import GivenCluster
from tests.cluster.kubectl import Kubectl, KubectlFailed
from tests.cluster.node import NodeCluster
from tests.cluster.rights import check_nothing_was_denied
from tests.e2e.workload import Workload, operator_values
from tests.e2e.workload import workload as workload_of

VOLUMES = 8
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Skips where a node cannot run; in CI that is a failure."""
    folder = tmp_path_factory.mktemp("cluster")
    with started(lambda: GivenCluster(folder) if os.environ.get("KUBECONFIG") else NodeCluster(folder)) as made:
        yield made


@pytest.fixture
def namespace(cluster: Kubectl) -> str:
    """A fresh one with PodSecurity ``restricted``."""
    return cluster.namespace(**RESTRICTED)


@pytest.fixture
def workload(cluster: NodeCluster | GivenCluster, namespace: str) -> Workload:
    """What pods of the namespace run."""
    try:
        return workload_of(cluster, namespace)
    except Missing as missing:
        cannot_run(missing)


@pytest.fixture(scope="session")
def release(cluster: NodeCluster | GivenCluster) -> Iterator[Release]:
    """The chart, installed: one operator for all tests, in a namespace of its own with PodSecurity ``restricted``."""
    if isinstance(cluster, GivenCluster):
        _check_nobody_works_there(cluster)
    namespace = cluster.namespace(**RESTRICTED)
    try:
        values = operator_values(cluster, namespace)
    except Missing as missing:
        cannot_run(missing)
    made = Release(cluster, namespace, values)
    try:
        made.install()
    except HelmFailed:
        if isinstance(cluster, GivenCluster):  # without the hook: its pod runs the image that may have failed
            made.uninstall("--no-hooks")
        raise
    yield made
    if isinstance(cluster, GivenCluster):
        made.uninstall()
    else:
        check_nothing_was_denied(cluster)


def _check_nobody_works_there(cluster: Kubectl) -> None:
    """Two operators of the whole cluster would not know of each other."""
    name = "app.kubernetes.io/name=sweep-operator,app.kubernetes.io/component=operator"
    found = cluster.kubectl("get", "deployments", "-A", "-l", name, "-o", "name", "--no-headers").split()
    if found:
        pytest.exit(f"a Sweep operator works in this cluster ({', '.join(found)}); take another one, or uninstall it")


@pytest.fixture
def operator(cluster: NodeCluster | GivenCluster, release: Release) -> Release:
    """Running, with volumes for the claims of its runs."""
    if isinstance(cluster, NodeCluster):
        cluster.offer_volumes(VOLUMES)
    return release


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """When a test fails, what the cluster says about its namespace."""
    report = yield
    names = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and "namespace" in names:
        for what in (
            ["get", "sweeps,sweepruns,pods,jobs,pvc", "-o", "wide"],
            ["get", "events", "--sort-by=.lastTimestamp"],
        ):
            try:
                text = names["cluster"].kubectl(*what, "-n", names["namespace"])
            except KubectlFailed as error:
                text = str(error)
            report.sections.append((f"kubectl {' '.join(what)}", text))
        if "operator" in names:
            report.sections.append(("the operator's log", names["operator"].log()))
    return report
