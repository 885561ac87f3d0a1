"""Invalid values are rejected by key. Every valid value is documented and has an effect."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dev.generate.chart_docs import Undocumented, documented
from sweep_operator.api.hardware import SHIPPED
from tests.chart.renders import CASES, OLDEST, render
from tests.cluster.chart import CHART, Helm, HelmFailed

VALUES = YAML(typ="safe").load((CHART / "values.yaml").read_text())

WRONG: list[tuple[str, Any, str]] = [
    ("replicaCount", 1, "additional properties 'replicaCount' not allowed"),
    ("image.tags", "1", "at '/image': additional properties 'tags' not allowed"),
    ("image.tag", 1.2, "at '/image/tag': got number, want string"),
    ("image.repository", "", "at '/image/repository': '' does not match pattern"),
    ("image.repository", "Registry/Operator", "at '/image/repository': 'Registry/Operator' does not match pattern"),
    ("image.repository", "registry.local/operator:1.0", "at '/image/repository': 'registry.local/operator:1.0' does"),
    ("image.digest", "sha256:abc", "at '/image/digest': 'sha256:abc' does not match pattern"),
    ("image.pullPolicy", "always", "at '/image/pullPolicy': value must be one of 'IfNotPresent', 'Always', 'Never'"),
    ("imagePullSecrets", ["registry"], "at '/imagePullSecrets/0': got string, want object"),
    ("scope", "namespace", "at '/scope': value must be one of 'cluster', 'namespaced'"),
    ("namespaces", ["team-a"], "at '/namespaces': maxItems: got 1, want 0"),
    ("fullnameOverride", "Sweep_Operator", "at '/fullnameOverride': 'Sweep_Operator' does not match pattern"),
    ("commonLabels", {"version": 1}, "at '/commonLabels/version': got number, want string"),
    ("commonLabels", {"a b": "c"}, "at '/commonLabels': additional properties 'a b' not allowed"),
    ("commonLabels", {"app.kubernetes.io/name": "x"}, "at '/commonLabels/app.kubernetes.io~1name': false schema"),
    ("crds.keep", "yes", "at '/crds/keep': got string, want boolean"),
    ("rbac.create", 1, "at '/rbac/create': got number, want boolean"),
    ("serviceAccount.create", False, "at '/serviceAccount/name': minLength: got 0, want 1"),
    ("hardwareProfiles", {"gpu": {"gpu": 1}}, "at '/hardwareProfiles/gpu': additional properties 'gpu' not allowed"),
    ("hardwareProfiles", {"cpu": {"gpus": -1}}, "at '/hardwareProfiles/cpu/gpus': minimum: got -1, want 0"),
    ("hardwareProfiles", {"cpu": {"pricePerHour": 0}}, "at '/hardwareProfiles/cpu/pricePerHour': exclusiveMinimum"),
    ("hardwareProfiles", {"cpu": {"runAsNonRoot": "true"}}, "at '/hardwareProfiles/cpu/runAsNonRoot': got string"),
    ("hardwareProfiles", {"cpu": {"shmSize": "8GB"}}, "at '/hardwareProfiles/cpu/shmSize': '8GB' does not match"),
    ("hardwareProfiles", {"cpu": {"resources": {"limit": {}}}}, "additional properties 'limit' not allowed"),
    ("hardwareProfiles", {"cpu": {"tolerations": [{"effect": "No"}]}}, "'/hardwareProfiles/cpu/tolerations/0/effect'"),
    ("currency", "dollars", "at '/currency': 'dollars' does not match pattern"),
    ("kueue", "yes", "at '/kueue': value must be one of 'auto', true, false"),
    ("finishedJobSeconds", -1, "at '/finishedJobSeconds': minimum: got -1, want 0"),
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
    ("securityContext.readOnlyRootFileSystem", True, "additional properties 'readOnlyRootFileSystem' not allowed"),
    (
        "securityContext.capabilities",
        {"drop": "ALL"},
        "at '/securityContext/capabilities/drop': got string, want array",
    ),
    ("podSecurityContext.runAsUser", "65532", "at '/podSecurityContext/runAsUser': got string, want null or integer"),
    ("podSecurityContext.runAsUsr", 1, "at '/podSecurityContext': additional properties 'runAsUsr' not allowed"),
    ("tmpSize", "1GB", "at '/tmpSize': '1GB' does not match pattern"),
    ("terminationGracePeriodSeconds", 5, "at '/terminationGracePeriodSeconds': minimum: got 5, want 15"),
    ("nodeSelector", ["gpu"], "at '/nodeSelector': got array, want object"),
    ("tolerations", {"key": "gpu"}, "at '/tolerations': got object, want array"),
    ("tolerations", [{"key": "a", "value": True}], "at '/tolerations/0/value': got boolean, want string"),
    ("affinity", {"nodeAffinty": {}}, "at '/affinity': additional properties 'nodeAffinty' not allowed"),
    ("podLabels", {"app.kubernetes.io/instance": "x"}, "at '/podLabels/app.kubernetes.io~1instance': false schema"),
    ("podAnnotations", {"checksum/config": "x"}, "at '/podAnnotations/checksum~1config': false schema"),
    ("podAnnotations", {"port": 80}, "at '/podAnnotations/port': got number, want string"),
    ("extraEnv", [{"value": "x"}], "at '/extraEnv/0': missing property 'name'"),
    ("extraEnv", [{"name": "A", "value": 1}], "at '/extraEnv/0/value': got number, want string"),
    ("extraEnv", [{"name": "A", "valueForm": {}}], "at '/extraEnv/0': additional properties 'valueForm' not allowed"),
    ("extraEnvFrom", [{"secret": "x"}], "at '/extraEnvFrom/0': additional properties 'secret' not allowed"),
    ("extraVolumes", [{"name": "tmp", "emptyDir": {}}], "at '/extraVolumes/0/name'"),
    ("extraVolumeMounts", [{"name": "a", "mountPath": "/tmp"}], "at '/extraVolumeMounts/0/mountPath'"),
    ("extraVolumeMounts", [{"name": "a", "mountPath": "data"}], "at '/extraVolumeMounts/0/mountPath'"),
    ("operatorPolicy.enabled", "on", "at '/operatorPolicy/enabled': value must be one of 'auto', true, false"),
    ("operatorPolicy.allow", {"team-a": ["hostIpc"]}, "at '/operatorPolicy/allow/team-a/0': value must be one of"),
    ("operatorPolicy.allow", {"Team A": []}, "at '/operatorPolicy/allow': additional properties 'Team A'"),
    ("metrics.tokenSecret", "sweep-metrics", "at '/metrics/tokenSecret': got string, want object"),
    ("metrics.port", 80, "at '/metrics/port': minimum: got 80, want 1,024"),
    ("metrics.serviceMonitor.interval", 30, "at '/metrics/serviceMonitor/interval': got number, want string"),
    ("metrics.serviceMonitor.relabelings", [{"target": "x"}], "additional properties 'target' not allowed"),
    ("metrics.prometheusRule.extraRules", [{"expr": "up"}], "at '/metrics/prometheusRule/extraRules/0'"),
    (
        "metrics.prometheusRule",
        {"enabled": True, "disabledAlerts": ["SweepRunFails"]},
        "metrics.prometheusRule.disabledAlerts: unknown alert SweepRunFails; known are SweepOperatorAbsent,",
    ),
    ("networkPolicy.from", [{"podSelectr": {}}], "at '/networkPolicy/from/0': additional properties 'podSelectr'"),
    ("networkPolicy.extraEgress", [{"too": []}], "at '/networkPolicy/extraEgress/0': additional properties 'too'"),
    ("networkPolicy.egressPorts", ["https"], "at '/networkPolicy/egressPorts/0': got string, want integer"),
    ("ui.enabled", "yes", "at '/ui/enabled': got string, want boolean"),
    ("ui.hosts", ["https://sweeps.example.com"], "at '/ui/hosts/0': 'https://sweeps.example.com' does not match"),
    ("ui.hosts", "sweeps.example.com", "at '/ui/hosts': got string, want array"),
    ("ui.replicas", -1, "at '/ui/replicas': minimum: got -1, want 0"),
    ("ui.port", 80, "at '/ui/port': minimum: got 80, want 1,024"),
    ("ui.service.port", 0, "at '/ui/service/port': minimum: got 0, want 1"),
    ("ui.networkPolicy.from", [{"podSelectr": {}}], "at '/ui/networkPolicy/from/0': additional properties"),
    ("ui.ingress", {}, "at '/ui': additional properties 'ingress' not allowed"),
    ("uninstallHook.timeoutSeconds", 5, "at '/uninstallHook/timeoutSeconds': minimum: got 5, want 10"),
]


def nested(path: str, value: Any) -> dict[str, Any]:
    """``{"a": {"b": value}}`` of ``a.b``."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_an_invalid_value_is_rejected_by_its_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(HelmFailed) as refused:
        render(nested(path, value))
    assert message in str(refused.value)


def test_it_can_be_a_dependency_of_another_chart(tmp_path: Path) -> None:
    """Helm then passes `global` and the value of the condition."""
    parts = {"apiVersion": "v2", "name": "platform", "version": "1.0.0"}
    parts["dependencies"] = [{"name": "sweep-operator", "version": "*", "condition": "sweep-operator.enabled"}]
    (tmp_path / "charts").mkdir()
    shutil.copytree(CHART, tmp_path / "charts" / CHART.name)
    (tmp_path / "Chart.yaml").write_text(json.dumps(parts))
    helm = Helm(tmp_path)
    for wanted in (True, False):
        values = {"global": {"imageRegistry": "x"}, "sweep-operator": {"enabled": wanted, "scope": "namespaced"}}
        made = helm.run("template", "it", tmp_path, f"--kube-version={OLDEST}", f"--values={helm.values(values)}")
        assert ("kind: Deployment" in made) is wanted


def test_lint_accepts_the_chart_and_rejects_an_invalid_value(tmp_path: Path) -> None:
    helm = Helm(tmp_path)
    assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART)
    with pytest.raises(HelmFailed, match="/replicas"):
        helm.run("lint", CHART, "--set=replicas=2")


def test_a_value_without_a_comment_is_named() -> None:
    with pytest.raises(Undocumented, match=r"values.yaml: a.c: has no comment"):
        documented("a:\n  # -- What it is.\n  b: 1\n  c: 2\n")
    (value,) = documented("a:\n  # -- What it is,\n  # and why.\n  b: [1]\n")
    assert (value.path, value.default, value.description) == ("a.b", [1], "What it is, and why.")


def test_the_profiles_are_the_shipped_ones_with_run_as_non_root() -> None:
    expected = {
        name: profile.with_(run_as_non_root=True).model_dump(by_alias=True, exclude_defaults=True)
        for name, profile in SHIPPED.items()
    }
    assert VALUES["hardwareProfiles"] == expected


def test_the_cases_use_every_value() -> None:
    """A value that no case sets is not covered by the golden files."""
    paths = [value.path for value in documented((CHART / "values.yaml").read_text())]
    assert [path for path in paths if not any(_sets(case, path) for case in CASES.values())] == []


def _sets(case: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(case, dict) or part not in case:
            return False
        case = case[part]
    return True


def test_an_older_kubernetes_is_rejected_and_a_newer_one_changes_nothing() -> None:
    major, minor, _ = map(int, OLDEST.split("."))
    refusal = rf"requires kubeVersion: >={re.escape(OLDEST)}-0 .* v{major}\.{minor - 1}"
    with pytest.raises(HelmFailed, match=refusal):
        render({}, kube_version=f"{major}.{minor - 1}.9")
    assert render({}, kube_version=f"{major}.{minor + 9}.0-gke.1") == render({})
