"""The chart on a real node: installed, tested, upgraded in the middle of a sweep."""

from __future__ import annotations

from tests.cluster.chart import Release
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import NodeCluster
from tests.cluster.sweeps import check_ended_well, check_jobs_once
from tests.e2e.sweeps import finished, of_x, until_in_the_middle
from tests.e2e.workload import Workload


def test_the_chart_tests_itself(cluster: Kubectl, operator: Release) -> None:
    """Also with a token for /metrics, which the operator then requires."""
    token = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "metrics"}, "stringData": {"token": "secret"}}
    cluster.apply(token, operator.namespace)
    for values in ({}, {"metrics": {"tokenSecret": {"name": "metrics"}}}):
        operator.upgrade(**values)
        said = operator.test()
        assert "/readyz answers" in said
        assert "/metrics answers" in said
    ask = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/metrics')"
    inside = ("exec", f"deployment/{operator.name}", "-n", operator.namespace, "--", "python", "-c", ask)
    assert "HTTP Error 401" in cluster.fails(*inside)


def test_the_operator_runs_as_hardened_as_it_says(cluster: Kubectl, operator: Release) -> None:
    """PodSecurity ``restricted`` has let it in; the rest is asked inside the container."""
    inside = ("exec", f"deployment/{operator.name}", "-n", operator.namespace, "--")
    cluster.kubectl(*inside, "touch", "/tmp/file")
    assert "Read-only file system" in cluster.fails(*inside, "touch", "/file")
    status = cluster.kubectl(*inside, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65532"] * 4
    assert (fields["CapEff"], fields["NoNewPrivs"], fields["Seccomp"]) == ("0" * 16, "1", "2")


PAGE = """
import urllib.error, urllib.request
token = open("/var/run/secrets/kubernetes.io/serviceaccount/token").read()
for path, sent in (("/", {}), ("/api/sweeps", {}), ("/api/sweeps", {"Authorization": "Bearer " + token})):
    try:
        answer = urllib.request.urlopen(urllib.request.Request("http://localhost:8081" + path, headers=sent))
        print(answer.status, answer.read(9).decode())
    except urllib.error.HTTPError as error:
        print(error.code)
"""


def test_the_page_runs_as_hardened_as_the_operator(cluster: Kubectl, operator: Release) -> None:
    """Its probes have succeeded, since helm waits for it."""
    operator.upgrade(ui={"enabled": True})
    inside = ("exec", f"deployment/{operator.name}-ui", "-n", operator.namespace, "--")
    asked = cluster.kubectl(*inside, "python", "-c", PAGE).splitlines()
    assert asked == ["200 <!doctype", "401", '200 {"items":'], asked
    assert "Read-only file system" in cluster.fails(*inside, "touch", "/file")
    service = f"/api/v1/namespaces/{operator.namespace}/services/{operator.name}-ui:80/proxy"
    assert cluster.kubectl("get", "--raw", f"{service}/readyz") == "ok"
    assert "status code 421" in cluster.fails("get", "--raw", f"{service}/"), "its Host is the address of the pod"
    operator.upgrade(ui={"enabled": False})


def test_an_upgrade_in_the_middle_of_a_sweep_loses_nothing(
    cluster: Kubectl, namespace: str, workload: Workload, operator: Release
) -> None:
    cluster.apply(of_x("upgraded", workload, "sleep 4", maxRuns=4, maxParallelRuns=2), namespace)
    until_in_the_middle(cluster, namespace, "upgraded")
    (before,) = operator.pods()
    operator.upgrade(options={"logLevel": "DEBUG"}, commonLabels={"team": "rl"})
    (after,) = operator.pods()
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert cluster.get("crd", "sweeps.metta.ai")["metadata"]["labels"]["team"] == "rl"
    finished(cluster, namespace, "upgraded")
    runs = check_ended_well(cluster, namespace, "upgraded", 4)
    assert [run["status"]["train"]["attempt"] for run in runs] == [1] * 4
    if isinstance(cluster, NodeCluster):
        check_jobs_once(cluster, operator.account, 4, namespace)
