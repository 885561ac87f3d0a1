"""The list of dev/generate/rbac.py that a rendered role has."""

from __future__ import annotations

from typing import Any

from dev.generate import rbac

LISTS = {name: getattr(rbac, name) for name in vars(rbac) if name.endswith("_RULES")}


def rules_name(rules: list[dict[str, Any]]) -> str:
    """The name of the list. ``resourceNames`` may differ: they depend on the release. Raises AssertionError."""
    names = [name for name, of in LISTS.items() if _without_names(of) == _without_names(rules)]
    assert len(names) == 1, f"not a list of dev/generate/rbac.py, run make generate: {rules}"
    return names[0]


def _without_names(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v if k != "resourceNames" else len(v) for k, v in rule.items()} for rule in rules]
