"""Alerts and dashboard read metrics, labels and label values that the operator exports."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.chart.exposition import samples
from tests.chart.renders import NAMESPACE, Object, only, rendered
from tests.cluster.chart import CHART

RULES: list[Object] = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
DASHBOARD: Object = json.loads((CHART / "files" / "dashboard.json").read_text())
TESTS: Object = yaml.safe_load(Path(__file__).with_name("alerts.test.yaml").read_text())
_OF_PROMETHEUS = {"job", "namespace", "instance", "le"}
_OPEN = {"namespace", "state", "code", "verb", "le"}
"""Labels whose values are not fixed."""


def expressions() -> dict[str, str]:
    """Map from the title of a panel or the name of an alert to its expression."""
    panels = {f"{p['title']} {t['refId']}": t["expr"] for p in DASHBOARD["panels"] for t in p["targets"]}
    return panels | {rule["alert"]: rule["expr"] for rule in RULES}


def selectors(expression: str) -> list[Any]:
    """The vector selectors of an expression."""
    seen: list[Any] = []
    promql_parser.walk(promql_parser.parse(expression), lambda node: seen.append(node))
    return [node for node in seen if isinstance(node, promql_parser.VectorSelector)]


@pytest.mark.parametrize("name", expressions())
def test_expressions_read_metrics_that_exist(name: str) -> None:
    exposed: dict[str, dict[str, set[str]]] = {"up": {}}
    for metric, labels in samples():
        known = exposed.setdefault(metric, {})
        for label, value in labels.items():
            known.setdefault(label, set()).add(value)
    found = selectors(expressions()[name])
    assert found, "it reads nothing"
    for selector in found:
        assert selector.name in exposed, f"unknown metric {selector.name}"
        labels = exposed[selector.name]
        matchers = {(m.name, m.value) for m in selector.matchers.matchers}
        assert ("job", "$job") in matchers
        for label, value in matchers:
            assert label in labels.keys() | _OF_PROMETHEUS, f"{selector.name} has no label {label}"
            if label in labels and label not in _OPEN:
                assert value in labels[label], f"{label} of {selector.name} is never {value!r}"


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 8
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """Run promtool if it is on the PATH. The tests do not install it."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH")
    rules = [{**rule, "annotations": {"summary": rule["annotations"]["summary"]}} for rule in RULES]
    groups = json.dumps({"groups": [{"name": "it", "rules": rules}]})
    text = groups.replace("$job", "it").replace("$namespace", "ns")
    (tmp_path / "rules.yaml").write_text(text)
    tests = TESTS | {"rule_files": ["rules.yaml"]}
    (tmp_path / "tests.yaml").write_text(json.dumps(tests))
    done = subprocess.run([promtool, "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_firing_and_not_firing() -> None:
    seen = {(test["alertname"], bool(test["exp_alerts"])) for of in TESTS["tests"] for test in of["alert_rule_test"]}
    assert seen == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


def test_the_rendered_alerts_select_the_release_s_own_job() -> None:
    (group,) = only("monitoring", "PrometheusRule")["spec"]["groups"]
    alerts = {rule["alert"]: rule["expr"] for rule in group["rules"] if "alert" in rule}
    assert set(alerts) == {rule["alert"] for rule in RULES} - {"SweepRunsFail"}
    service = only("monitoring", "Service")["metadata"]["name"]
    for rule in RULES:
        if rule["alert"] in alerts:
            assert alerts[rule["alert"]] == rule["expr"].replace("$job", service).replace("$namespace", NAMESPACE)
    assert alerts["SweepOperatorAbsent"] == f'absent(up{{job="{service}", namespace="{NAMESPACE}"}} == 1)'
    assert group["rules"][-1] == {"record": "sweeps:runs:sum", "expr": "sum(sweep_operator_runs)"}
    # Prometheus evaluates this template, not helm
    assert "{{ $value | humanizeDuration }}" in rendered("monitoring")


def test_the_service_monitor_finds_the_service() -> None:
    monitor, service = only("monitoring", "ServiceMonitor"), only("monitoring", "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["honorLabels"] is True


def test_the_dashboard_is_complete() -> None:
    config = only("monitoring", "ConfigMap", "sweep-operator-dashboard")
    assert json.loads(config["data"]["sweep-operator.json"]) == DASHBOARD
    assert config["metadata"]["labels"]["board"] == "1"
    assert "grafana_dashboard" not in config["metadata"]["labels"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = {
        (x, y) for p in DASHBOARD["panels"] for x in range(*_span(p, "x", "w")) for y in range(*_span(p, "y", "h"))
    }
    assert len(places) == sum(p["gridPos"]["w"] * p["gridPos"]["h"] for p in DASHBOARD["panels"]), "panels overlap"
    variables = {v["name"] for v in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "job", "namespace"}


def _span(panel: Object, start: str, size: str) -> tuple[int, int]:
    where = panel["gridPos"]
    return where[start], where[start] + where[size]
