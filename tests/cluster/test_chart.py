"""A real API server takes everything that the chart renders, field by field, and helm installs it there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.renders import CASES, NAMESPACE, rendered
from tests.cluster.chart import HelmFailed, Release
from tests.cluster.cluster import Cluster

PROMETHEUS_OPERATOR = Path(__file__).parents[1] / "chart" / "prometheus-operator"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Cluster]:
    """With the namespaces of the cases, and the kinds of the Prometheus operator."""
    names = (NAMESPACE, "team-a", "team-b")
    cluster.apply(
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": RESTRICTED}} for n in names]
    )
    for name in names:
        cluster.until(lambda n=name: "serviceaccount/default" in cluster.names("serviceaccount", n), f"{name} is ready")
    cluster.kubectl("apply", "--server-side", "-f", PROMETHEUS_OPERATOR)
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=180s", timeout=200)
    yield cluster
    cluster.kubectl("delete", "namespace", "--wait=false", *names)


@pytest.mark.parametrize("case", CASES)
def test_the_api_server_takes_it(server: Cluster, case: str) -> None:
    """Unknown fields are errors; what PodSecurity ``restricted`` would refuse later is a warning."""
    done = given(server, rendered(case))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert "deployment.apps/" in done.stdout


def test_it_would_not_take_anything(server: Cluster) -> None:
    misspelt = given(server, rendered("default").replace("automountServiceAccountToken: true", "automountToken: true"))
    assert ".spec.template.spec.automountToken: field not declared in schema" in misspelt.stderr
    assert misspelt.returncode != 0
    as_root = given(server, rendered("default").replace("runAsNonRoot: true", "runAsNonRoot: false"))
    assert 'Warning: would violate PodSecurity "restricted:latest": runAsNonRoot != true' in as_root.stderr


def given(server: Cluster, text: str) -> subprocess.CompletedProcess[str]:
    """The API server judges the manifests, and keeps nothing."""
    command = server.command("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    return subprocess.run([*command, "-f", "-"], input=text, capture_output=True, text=True, check=False)


def test_a_wrong_value_installs_nothing(cluster: Cluster, namespace: str) -> None:
    release = Release(cluster, namespace, {})
    with pytest.raises(HelmFailed, match="at '/replicas': value must be one of 0, 1"):
        release.install(replicas=3)
    assert cluster.names("deployment,serviceaccount,role,secret", namespace) == ["serviceaccount/default"]
