"""The generated files of the Helm chart.

Templates of the CRDs, the admission policies and the RBAC rules; the schema of the values; the tables in the README.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dev.generate.admission import policies
from dev.generate.chart_docs import documented, profile_table, values_table, with_table
from dev.generate.chart_schema import values_schema
from dev.generate.crd import run_crd, sweep_crd
from dev.generate.operator_policy import operator_policies
from dev.generate.rbac import (
    EDIT_RULES,
    LEASE_RULES,
    RELEASE_RULES,
    STOP_RULES,
    UI_RULES,
    VIEW_RULES,
    WORK_RULES,
    Rule,
)
from sweep_operator.api.names import MANAGED_BY
from sweep_operator.config.yaml_files import documents_text

CHART = "charts/sweep-operator"
_GENERATED = f"{CHART}/templates/generated"
_HEADER = "{{- /* Generated from the models by `make generate`. */}}\n"
_METADATA = "KIND_METADATA"
"""Placeholder in the YAML for the labels and annotations of the template."""

_POLICY_VALUES = {
    "policyPrefix": "POLICY_PREFIX",
    "policyAccounts": "POLICY_ACCOUNTS",
    "policyAllow": "POLICY_ALLOW",
    "policyCapabilities": "POLICY_CAPABILITIES",
}
"""Template name to its placeholder in the operator's admission policies."""

_RULES: dict[str, tuple[list[Rule], str | None]] = {
    "workRules": (WORK_RULES, None),
    "leaseRules": (LEASE_RULES, "leaseName"),
    "stopRules": (STOP_RULES, "fullname"),
    "releaseRules": (RELEASE_RULES, None),
    "uiRules": (UI_RULES, None),
    "viewRules": (VIEW_RULES, None),
    "editRules": (EDIT_RULES, None),
}
"""Template name to (rules, template that gives the name in their ``resourceNames``)."""


def chart_files(root: Path) -> dict[str, str]:
    """Map from path (relative to the repository root) to content. Raises Undocumented."""
    values = documented((root / CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = values_schema({v.path: v.description for v in values})
    readme = (root / CHART / "README.md").read_text(encoding="utf-8")
    return {
        f"{CHART}/values.schema.json": json.dumps(schema, indent=1) + "\n",
        f"{CHART}/README.md": with_table(
            with_table(readme, "values", values_table(values, schema)), "profile", profile_table()
        ),
        f"{_GENERATED}/crd-sweeps.yaml": _kinds([sweep_crd()]),
        f"{_GENERATED}/crd-sweepruns.yaml": _kinds([run_crd()]),
        f"{_GENERATED}/admission-policy.yaml": _kinds(policies()),
        f"{_GENERATED}/operator-policy.yaml": _operator_policies(),
        f"{_GENERATED}/_rules.tpl": _HEADER + "".join(_rules(name, *of) for name, of in _RULES.items()),
    }


def _kinds(objects: list[dict[str, Any]]) -> str:
    text = _with_metadata(objects, '{{- include "sweep-operator.kindMetadata" . | nindent 2 }}')
    return f"{_HEADER}{{{{- if .Values.crds.enabled }}}}\n{text}{{{{- end }}}}\n"


def _operator_policies() -> str:
    prefix, accounts, allow, capabilities = _POLICY_VALUES.values()
    objects = operator_policies(prefix, accounts, allow=allow, capabilities=capabilities)
    text = _with_metadata(objects, 'labels:\n    {{- include "sweep-operator.labels" . | nindent 4 }}')
    for template, placeholder in _POLICY_VALUES.items():
        text = text.replace(placeholder, f'{{{{ include "{MANAGED_BY}.{template}" . }}}}')
    return f'{_HEADER}{{{{- if include "{MANAGED_BY}.policyEnabled" . }}}}\n{text}{{{{- end }}}}\n'


def _with_metadata(objects: list[dict[str, Any]], template: str) -> str:
    """The YAML of the objects, with a template for labels and annotations in their metadata."""
    marked = [{**o, "metadata": {**o["metadata"], _METADATA: None}} for o in objects]
    return re.sub(rf"^  {_METADATA}: null$", f"  {template}", _escaped(documents_text(marked)), flags=re.MULTILINE)


def _rules(name: str, rules: list[Rule], named: str | None) -> str:
    text = documents_text([rules]).rstrip("\n")
    if named is not None:
        text = re.sub(rf"^  - {MANAGED_BY}$", f'  - {{{{ include "sweep-operator.{named}" . }}}}', text, flags=re.M)
    return f'\n{{{{- define "{MANAGED_BY}.{name}" -}}}}\n{text}\n{{{{- end }}}}\n'


def _escaped(text: str) -> str:
    """Escape the delimiters of Go templates."""
    return text.replace("{{", '{{ "{{" }}')
