"""Rendered objects are valid for their readers: the operator's commands, its configuration, RBAC and helm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from dev.generate import rbac
from dev.generate.chart_values import HostFeature
from dev.generate.operator_policy import FEATURES, operator_policies
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import GROUP
from sweep_operator.runtime.main import main
from sweep_operator.runtime.options import read_config
from sweep_operator.runtime.uninstall import main as uninstall
from sweep_operator.ui.main import main as page_main
from tests.chart.renders import CASES, NAMESPACE, POLICY_KINDS, Object, objects, of_kind, only, parsed, render
from tests.chart.rules import rules_name
from tests.cluster.chart import CHART

KEPT = ("CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
OF_THE_API = {f"sweeps.{GROUP}", f"sweepruns.{GROUP}"}


def deployments(case: str) -> dict[str, Object]:
    """By component: ``operator``, and perhaps ``ui``."""
    return {d["metadata"]["labels"]["app.kubernetes.io/component"]: d for d in of_kind(case, "Deployment")}


def operator(case: str) -> Object:
    """The Deployment of the operator."""
    return deployments(case)["operator"]


def container(deployment: Object) -> Object:
    """The only container of the pod template."""
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("case", CASES)
def test_the_commands_accept_their_options(case: str) -> None:
    started = container(operator(case))
    assert started["command"] == ["sweep-operator"]
    given = main.make_context("sweep-operator", list(started["args"])).params
    assert given["port"] == started["ports"][0]["containerPort"]
    for job in of_kind(case, "Job"):
        (container_,) = job["spec"]["template"]["spec"]["containers"]
        assert container_["command"] == ["sweep-operator-uninstall"]
        before = uninstall.make_context("sweep-operator-uninstall", list(container_["args"])).params
        assert before["deployment"] == operator(case)["metadata"]["name"]
        assert before["deployment_namespace"] == NAMESPACE
        assert before["namespaces"] == given["namespaces"]
        labels = operator(case)["spec"]["selector"]["matchLabels"]
        assert dict(label.split("=") for label in before["selectors"]) == labels
        # the hook does not wait for its own pod
        assert not labels.items() <= job["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case].get("ui")])
def test_the_page_accepts_its_options_and_is_reached_by_its_service_alone(case: str) -> None:
    page = deployments(case)["ui"]
    started, labels = container(page), page["spec"]["template"]["metadata"]["labels"]
    assert started["command"] == ["sweep-ui"]
    given = page_main.make_context("sweep-ui", list(started["args"])).params
    assert given["port"] == started["ports"][0]["containerPort"]
    assert list(given["allowed_hosts"]) == CASES[case]["ui"].get("hosts", [])
    assert list(given["namespaces"]) == CASES[case].get("namespaces", [])
    assert {started[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/healthz"}
    assert started["readinessProbe"]["httpGet"]["path"] == "/readyz"
    services = [s for s in of_kind(case, "Service") if s["spec"]["selector"].items() <= labels.items()]
    assert [s["metadata"]["name"] for s in services] == [page["metadata"]["name"]]
    policies = [p for p in of_kind(case, "NetworkPolicy") if p["metadata"]["name"] == page["metadata"]["name"]]
    assert len(policies) == bool(CASES[case].get("networkPolicy"))
    for policy in policies:
        assert policy["spec"]["podSelector"]["matchLabels"] == page["spec"]["selector"]["matchLabels"]


@pytest.mark.parametrize("case", CASES)
def test_the_operator_reads_its_configuration(case: str, tmp_path: Path) -> None:
    (text,) = [c["data"]["config.yaml"] for c in of_kind(case, "ConfigMap") if "config.yaml" in c["data"]]
    (tmp_path / "config.yaml").write_text(text)
    config = read_config(tmp_path / "config.yaml")
    assert "cpu" in config.profiles
    if case == "configuration":
        assert set(config.profiles) == {"cpu", "gpu-a100", "h100"}
        assert (config.kueue, config.currency, config.lost_node_seconds) == (True, "EUR", 30)
        assert config.finished_job_seconds == 7200
    elif case == "wandb":
        assert (config.wandb_base_urls, config.wandb_projects) == (["https://wandb.local"], {"team-a": ["metta/*"]})
        assert (config.wandb_runs_per_minute, config.wandb_run_seconds) == (60, 30)
    else:
        assert config == OperatorConfig(profiles=config.profiles)


@pytest.mark.parametrize("case", CASES)
def test_accounts_have_exactly_their_rules(case: str) -> None:
    """Compare account -> (list of rules, namespace or None for the whole cluster)."""
    roles = {}
    for role in [*of_kind(case, "Role"), *of_kind(case, "ClusterRole")]:
        meta = role["metadata"]
        roles[role["kind"], meta.get("namespace"), meta["name"]] = rules_name(role["rules"])
    given: dict[str, set[tuple[str, str | None]]] = {}
    for binding in [*of_kind(case, "RoleBinding"), *of_kind(case, "ClusterRoleBinding")]:
        ref, where = binding["roleRef"], binding["metadata"].get("namespace")
        (subject,) = binding["subjects"]
        assert subject["namespace"] == NAMESPACE
        given.setdefault(subject["name"], set()).add((roles[ref["kind"], where, ref["name"]], where))
    worked_in = CASES[case].get("namespaces") or ([NAMESPACE] if CASES[case].get("scope") == "namespaced" else [None])
    pods = {component: d["spec"]["template"]["spec"] for component, d in deployments(case).items()}
    account = pods["operator"]["serviceAccountName"]
    expected = {account: {("LEASE_RULES", NAMESPACE), *(("WORK_RULES", n) for n in worked_in)}}
    if "ui" in pods:
        expected[pods["ui"]["serviceAccountName"]] = {("UI_RULES", n) for n in worked_in}
    for job in of_kind(case, "Job"):
        hook = job["spec"]["template"]["spec"]["serviceAccountName"]
        expected[hook] = {("STOP_RULES", NAMESPACE), *(("RELEASE_RULES", n) for n in worked_in)}
    if not CASES[case].get("rbac", {}).get("create", True):
        expected = {name: of for name, of in expected.items() if name.endswith("-uninstall")}
    assert given == expected


def test_resource_names_are_those_of_the_release() -> None:
    def names(role: str) -> list[str]:
        rules = only("names", "Role", role)["rules"]
        return [name for rule in rules for name in rule.get("resourceNames", [])]

    deployment = operator("names")["metadata"]["name"]
    assert names(f"{deployment}-leader") == ["turns"]
    assert names(f"{deployment}-uninstall-stop") == [deployment]


def test_users_get_permissions_by_kubernetes_own_roles() -> None:
    view, edit = (only("default", "ClusterRole", f"sweeps.{GROUP}-{role}") for role in ("view", "edit"))
    assert (view["rules"], edit["rules"]) == (rbac.VIEW_RULES, rbac.EDIT_RULES)
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    to = [{k.removeprefix(prefix) for k in role["metadata"]["labels"] if k.startswith(prefix)} for role in (view, edit)]
    assert to == [{"view", "edit", "admin"}, {"edit", "admin"}]


@pytest.mark.parametrize("case", CASES)
def test_crds_and_their_policies_equal_the_generated_ones_and_are_kept(case: str) -> None:
    crds = CASES[case].get("crds", {})
    for kind in KEPT:
        found = [o for o in of_kind(case, kind) if o["metadata"]["name"] in OF_THE_API]
        assert len(found) == (2 if crds.get("enabled", True) else 0)
        kept = [o["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep" for o in found]
        assert all(keep is crds.get("keep", True) for keep in kept)
    written = [o for path in sorted((CHART.parents[1] / "crds").iterdir()) for o in objects(path.read_text())]
    rendered_ = {(o["kind"], o["metadata"]["name"]): o for kind in KEPT for o in of_kind(case, kind)}
    for obj in written if crds.get("enabled", True) else []:
        assert rendered_[obj["kind"], obj["metadata"]["name"]]["spec"] == obj["spec"]


def test_the_readme_s_label_selects_what_is_kept_after_an_uninstall() -> None:
    kept = [o for o in parsed("default") if "helm.sh/resource-policy" in o["metadata"].get("annotations", {})]
    assert {o["kind"] for o in kept} == {*KEPT, "ClusterRole"}
    (kinds, label) = re.findall(r"^kubectl delete (validating\S+) -l (\S+)$", (CHART / "README.md").read_text(), re.M)[
        0
    ]
    assert {*kinds.split(","), "customresourcedefinition"} == {o["kind"].lower() for o in kept}
    key, value = label.split("=")
    assert {o["metadata"]["labels"][key] for o in kept} == {value}


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_the_configuration_restarts_the_operator(case: str) -> None:
    def checksum(of: str) -> str:
        return str(operator(of)["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    def data(of: str) -> list[Object]:
        return [c["data"] for c in of_kind(of, "ConfigMap") if "config.yaml" in c["data"]]

    assert (checksum(case) == checksum("default")) is (data(case) == data("default"))


def test_names_of_a_long_release_are_valid() -> None:
    values = {"nameOverride": "an-operator-whose-name-is-rather-long", "ui": {"enabled": True}}
    made = objects(render(values, release="r" * 53))
    kinds = ("Deployment", "Service", "Job", "Pod", "ServiceAccount", "ConfigMap")
    names = [o["metadata"]["name"] for o in made if o["kind"] in kinds]
    assert len(names) == 10
    assert all(len(name) <= 63 and name[-1] != "-" for name in names)
    assert len(set(names)) == 4, "what is the operator's has one name, the others each their own"


def test_the_values_for_given_namespaces_render_no_cluster_wide_object() -> None:
    assert [o["metadata"]["name"] for o in parsed("nothing-but-namespaces") if not o["metadata"].get("namespace")] == []
    assert of_kind("nothing-but-namespaces", "Role")


def test_the_operator_s_policies_need_rights_that_the_installer_has() -> None:
    """By default they are created together with other cluster-wide objects."""

    def with_policies(**values: Any) -> bool:
        made = objects(render(values))
        return any(o["metadata"]["name"].endswith(f".jobs.{GROUP}") for o in made)

    namespaced = {"scope": "namespaced", "crds": {"enabled": False}}
    assert with_policies()
    assert with_policies(scope="namespaced")
    assert with_policies(crds={"enabled": False})
    assert not with_policies(**namespaced)
    assert with_policies(**namespaced, operatorPolicy={"enabled": True})
    assert not with_policies(operatorPolicy={"enabled": False})


def test_the_operator_s_policies_have_one_source() -> None:
    """The chart renders what ``deploy/`` has, with the names and the values of the release."""
    accounts = "['system:serviceaccount:sweeps:tuner', 'system:serviceaccount:sweeps:tuner-uninstall']"
    values = CASES["operator-policy"] | {"fullnameOverride": "tuner"}
    made = [o for o in objects(render(values)) if o["kind"] in POLICY_KINDS]
    for policy in made:
        del policy["metadata"]["labels"]
    expected = operator_policies(
        "tuner.sweeps",
        accounts,
        allow="{'*':['capabilities'],'gpu-team':['hostIPC','hostNetwork']}",
        capabilities="['IPC_LOCK','NET_RAW']",
    )
    assert _by_name(made) == _by_name(expected)
    names = {feature.name for feature in FEATURES}
    assert names == set(get_args(HostFeature))


def _by_name(made: list[Object]) -> list[Object]:
    return sorted(made, key=lambda o: (str(o["kind"]), str(o["metadata"]["name"])))
