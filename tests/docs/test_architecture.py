"""docs/architecture.md has a row for every package."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text()
ROWS = set(re.findall(r"^\| `([\w/]+)/`", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    ("tree", "prefix"), [("protein", "protein/"), ("operator/sweep_operator", ""), ("dev", "dev/")]
)
def test_every_package_has_a_row(tree: str, prefix: str) -> None:
    packages = {f"{prefix}{init.parent.name}" for init in (ROOT / tree).glob("*/__init__.py")}
    assert packages
    assert packages - ROWS == set()


def test_every_row_is_a_directory() -> None:
    roots = (ROOT, ROOT / "operator/sweep_operator")
    assert {row for row in ROWS if not any((root / row).is_dir() for root in roots)} == set()
