"""Wrong values are refused by their key; the right ones are all documented, and all do something."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sweep_operator.api.chart_docs import Undocumented, documented
from sweep_operator.api.hardware import SHIPPED
from tests.chart.renders import CASES, OLDEST, render
from tests.cluster.chart import CHART, Helm, HelmFailed

VALUES = YAML(typ="safe").load((CHART / "values.yaml").read_text())

WRONG: list[tuple[str, Any, str]] = [
    ("replicaCount", 1, "additional properties 'replicaCount' not allowed"),
    ("image.tags", "1", "at '/image': additional properties 'tags' not allowed"),
    ("image.tag", 1.2, "at '/image/tag': got number, want string"),
    ("image.repository", "", "at '/image/repository': minLength"),
    ("image.digest", "sha256:abc", "at '/image/digest': 'sha256:abc' does not match pattern"),
    ("image.pullPolicy", "always", "at '/image/pullPolicy': value must be one of 'IfNotPresent', 'Always', 'Never'"),
    ("imagePullSecrets", ["registry"], "at '/imagePullSecrets/0': got string, want object"),
    ("scope", "namespace", "at '/scope': value must be one of 'cluster', 'namespaced'"),
    ("namespaces", ["team-a"], "at '/namespaces': maxItems: got 1, want 0"),
    ("fullnameOverride", "Sweep_Operator", "at '/fullnameOverride': 'Sweep_Operator' does not match pattern"),
    ("commonLabels", {"version": 1}, "at '/commonLabels/version': got number, want string"),
    ("crds.keep", "yes", "at '/crds/keep': got string, want boolean"),
    ("rbac.create", 1, "at '/rbac/create': got number, want boolean"),
    ("serviceAccount.create", False, "at '/serviceAccount/name': minLength: got 0, want 1"),
    ("hardwareProfiles", {"gpu": {"gpu": 1}}, "at '/hardwareProfiles/gpu': additional properties 'gpu' not allowed"),
    ("hardwareProfiles", {"cpu": {"gpus": -1}}, "at '/hardwareProfiles/cpu/gpus': minimum: got -1, want 0"),
    ("hardwareProfiles", {"cpu": {"pricePerHour": 0}}, "at '/hardwareProfiles/cpu/pricePerHour': exclusiveMinimum"),
    ("hardwareProfiles", {"cpu": {"runAsNonRoot": "true"}}, "at '/hardwareProfiles/cpu/runAsNonRoot': got string"),
    ("currency", "dollars", "at '/currency': 'dollars' does not match pattern"),
    ("kueue", "yes", "at '/kueue': value must be one of 'auto', true, false"),
    ("lostNodeSeconds", -1, "at '/lostNodeSeconds': minimum: got -1, want 0"),
    ("wandb.baseURLs", ["api.wandb.ai"], "at '/wandb/baseURLs/0': 'api.wandb.ai' does not match pattern"),
    ("wandb.projects", {"team-a": ["metta"]}, "at '/wandb/projects/team-a/0': 'metta' does not match pattern"),
    ("wandb.apiKeySecret", "wandb", "at '/wandb/apiKeySecret': got string, want object"),
    ("options.workers", 0, "at '/options/workers': minimum: got 0, want 1"),
    ("options.logLevel", "debug", "at '/options/logLevel': value must be one of"),
    ("options.workers", None, "at '/options': missing property 'workers'"),
    ("leaderElection.leaseSeconds", "10s", "at '/leaderElection/leaseSeconds': got string, want number"),
    ("replicas", 2, "at '/replicas': value must be one of 0, 1"),
    ("resources.limits", {"memory": "2 GB"}, "at '/resources/limits/memory'"),
    ("securityContext.privileged", True, "at '/securityContext/privileged': value must be false"),
    ("tmpSize", "1GB", "at '/tmpSize': '1GB' does not match pattern"),
    ("terminationGracePeriodSeconds", 5, "at '/terminationGracePeriodSeconds': minimum: got 5, want 15"),
    ("nodeSelector", ["gpu"], "at '/nodeSelector': got array, want object"),
    ("tolerations", {"key": "gpu"}, "at '/tolerations': got object, want array"),
    ("podAnnotations", {"port": 80}, "at '/podAnnotations/port': got number, want string"),
    ("extraEnv", [{"value": "x"}], "at '/extraEnv/0': missing property 'name'"),
    ("extraVolumeMounts", [{"name": "a", "mountPath": "data"}], "at '/extraVolumeMounts/0/mountPath'"),
    ("metrics.port", 80, "at '/metrics/port': minimum: got 80, want 1,024"),
    ("metrics.serviceMonitor.interval", 30, "at '/metrics/serviceMonitor/interval': got number, want string"),
    ("networkPolicy.egressPorts", ["https"], "at '/networkPolicy/egressPorts/0': got string, want integer"),
    ("uninstallHook.timeoutSeconds", 5, "at '/uninstallHook/timeoutSeconds': minimum: got 5, want 10"),
]


def nested(path: str, value: Any) -> dict[str, Any]:
    """``{"a": {"b": value}}`` of ``a.b``."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_a_wrong_value_is_refused_by_its_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(HelmFailed) as refused:
        render(nested(path, value))
    assert message in str(refused.value)


def test_lint_finds_nothing_wrong_with_the_chart_and_something_with_a_wrong_value(tmp_path: Path) -> None:
    helm = Helm(tmp_path)
    assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART)
    with pytest.raises(HelmFailed, match="/replicas"):
        helm.run("lint", CHART, "--set=replicas=2")


def test_a_value_without_a_comment_is_named() -> None:
    with pytest.raises(Undocumented, match=r"values.yaml: a.c: has no comment"):
        documented("a:\n  # -- What it is.\n  b: 1\n  c: 2\n")
    (value,) = documented("a:\n  # -- What it is,\n  # and why.\n  b: [1]\n")
    assert (value.path, value.default, value.description) == ("a.b", [1], "What it is, and why.")


def test_the_profiles_are_those_that_ship_hardened() -> None:
    expected = {
        name: profile.with_(run_as_non_root=True).model_dump(by_alias=True, exclude_defaults=True)
        for name, profile in SHIPPED.items()
    }
    assert VALUES["hardwareProfiles"] == expected


def test_the_cases_use_every_value() -> None:
    """What no case sets is in no golden file: it might do nothing."""
    paths = [value.path for value in documented((CHART / "values.yaml").read_text())]
    assert [path for path in paths if not any(_sets(case, path) for case in CASES.values())] == []


def _sets(case: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(case, dict) or part not in case:
            return False
        case = case[part]
    return True


def test_an_older_kubernetes_is_refused_and_newer_ones_change_nothing() -> None:
    major, minor, _ = map(int, OLDEST.split("."))
    refusal = rf"requires kubeVersion: >={re.escape(OLDEST)}-0 .* v{major}\.{minor - 1}"
    with pytest.raises(HelmFailed, match=refusal):
        render({}, kube_version=f"{major}.{minor - 1}.9")
    assert render({}, kube_version=f"{major}.{minor + 9}.0-gke.1") == render({})
