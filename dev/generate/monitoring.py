"""The page on metrics and alerts, from the operator's registry and the alert rules of the chart."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from ruamel.yaml import YAML

from sweep_operator.runtime.metrics import Metrics

_LABELS_OF = {
    "sweep_operator_api_requests": "verb, code",
    "sweep_operator_runs": "namespace, outcome, state",
    "sweep_operator_longest_wait_seconds": "namespace, state",
}
"""Labels of the metrics that have no sample at the start."""


def metrics_page(alerts: str) -> str:
    """The page in Markdown. ``alerts``: the content of the chart's files/alerts.yaml."""
    metrics = Metrics()
    idle: Any = SimpleNamespace(
        store=SimpleNamespace(all=lambda _: [], unpacked=lambda _: [], notes=lambda _: []),
        queue=SimpleNamespace(depth=0, oldest_age=0.0),
        events=SimpleNamespace(outcomes={}),
    )
    metrics.watch(idle)
    lines = [
        "# Metrics and alerts",
        "",
        "The operator serves these metrics in Prometheus' format at `/metrics`, port 8080. "
        "[With `metrics.tokenSecret`](../operations.md#monitor) a request needs a bearer token.",
        "",
    ]
    lines += ["| metric | type | labels | |", "|---|---|---|---|"]
    for family in sorted(metrics.registry.collect(), key=lambda f: f.name):
        labels = sorted({name for sample in family.samples for name in sample.labels if name != "le"})
        shown = ", ".join(labels) or _LABELS_OF.get(family.name, "")
        suffix = "_total" if family.type == "counter" else ""
        lines.append(f"| `{family.name}{suffix}` | {family.type} | {shown} | {family.documentation} |")
    lines += ["", "`metrics.prometheusRule.enabled` installs these alerts. `metrics.prometheusRule.disabledAlerts` "
              "omits the ones that it names.", ""]  # fmt: skip
    for rule in YAML(typ="safe").load(alerts):
        annotations = rule["annotations"]
        lines += [
            f"## {rule['alert']}", "",
            f"**{rule['labels']['severity']}**, {_after(rule)}. {_plain(annotations['description'])}",
            "",
            "```text", _plain(re.sub(r"\$(job|namespace)\b", "sweep-operator", rule["expr"])), "```", "",
        ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def _after(rule: dict[str, Any]) -> str:
    return f"after {rule['for']}" if "for" in rule else "immediately"


def _plain(text: str) -> str:
    words = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: found[1].upper(), text)
    return " ".join(words.split())
