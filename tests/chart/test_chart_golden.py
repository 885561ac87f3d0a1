"""Rendered charts are equal to committed files: the default, and for each other case its difference as a diff.

CRDs and the admission policies of Sweeps are skipped; crds/ has them. ``UPDATE_GOLDEN=1 pytest tests/chart`` rewrites
the files: read the diff.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest
import yaml

from tests.chart.renders import CASES, rendered
from tests.chart.rules import rules_name
from tests.cluster.chart import CHART

GOLDEN = Path(__file__).parent / "golden"
_SKIPPED = re.compile(r"^# Source: sweep-operator/templates/generated/(crd-\w+|admission-policy)\.yaml$", re.MULTILINE)
_VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
_SOURCE, _KIND = re.compile("^# Source: (.*)$", re.M), re.compile("^kind: (.*)$", re.M)
_NAME = re.compile("^  name: (.*)$", re.M)


Objects = dict[tuple[str, str, int], tuple[str, list[str]]]
"""Map from (template, kind, ordinal) to (name, lines)."""


def shown(case: str) -> Objects:
    """The rendered objects without CRDs and their policies. Rules are replaced by the name of their list."""
    found: Objects = {}
    dashboard = (CHART / "files" / "dashboard.json").read_text().rstrip("\n")
    indented = "\n".join(f"    {line}" for line in dashboard.splitlines())
    for part in rendered(case).replace(_VERSION, "VERSION").split("---\n"):
        if not part.strip() or _SKIPPED.search(part):
            continue
        template, kind, name = (pattern.findall(part)[0] for pattern in (_SOURCE, _KIND, _NAME))
        number = sum(key[:2] == (template, kind) for key in found)
        text = part.strip().replace(indented, "    (files/dashboard.json)")
        found[template, kind, number] = name, _with_named_rules(text).splitlines()
    return found


def _with_named_rules(text: str) -> str:
    """Replace the rules of a role by the name of their list."""
    head, found, _ = text.partition("\nrules:\n")
    return f"{head}\nrules: {rules_name(yaml.load(text, yaml.CSafeLoader)['rules'])}" if found else text


def difference(before: Objects, after: Objects) -> list[str]:
    """Names of removed objects, the text of added ones, and a diff of the others."""
    lines: list[str] = []
    for key in [*before, *(key for key in after if key not in before)]:
        kind, (old, was), (new, now) = key[1], before.get(key, ("", [])), after.get(key, ("", []))
        if not now:
            lines += ["", f"- {kind} {old}"]
        elif not was:
            lines += ["", f"+ {kind} {new}", *(f"+{line}" for line in now)]
        elif changes := list(difflib.unified_diff(was, now, n=1, lineterm=""))[2:]:
            lines += ["", f"~ {kind} {new}", *("..." if line.startswith("@@") else line for line in changes)]
    return lines[1:]


@pytest.mark.parametrize("case", CASES)
def test_the_render_is_the_golden_one(case: str) -> None:
    default = shown("default")
    if case == "default":
        path, lines = GOLDEN / "default.yaml", []
        for _, of in default.values():
            lines += ["---", *of]
    else:
        path, lines = GOLDEN / f"{case}.diff", difference(default, shown(case))
        assert lines, "the case changes nothing"
    text = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.iterdir()} == set(CASES)
