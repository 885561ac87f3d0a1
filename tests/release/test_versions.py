"""One version, in one place; the changelog."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "version"))


def test_every_place_says_the_version_of_pyproject(script: dict[str, Any]) -> None:
    assert script["differences"](ROOT) == []
    named = {str(path.relative_to(ROOT)) for path, _ in script["places"](ROOT)}
    assert {"README.md", "configs/examples/cartpole.yaml", "deploy/kind/on-gpu-node.yaml"} <= named


def test_a_new_version_is_written_everywhere(script: dict[str, Any], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name in ("pyproject.toml", "CHANGELOG.md", "README.md", "configs/examples/cartpole.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    chart = tmp_path / "charts" / "sweep-operator" / "Chart.yaml"
    chart.parent.mkdir(parents=True)
    chart.write_text("apiVersion: v2\nversion: 0.0.1\nappVersion: 0.0.1\n")
    assert [d.partition(":")[0] for d in script["differences"](tmp_path)] == [
        "charts/sweep-operator/Chart.yaml, line 2",
        "charts/sweep-operator/Chart.yaml, line 3",
    ]
    script["write"](tmp_path, "7.8.9-rc.1", "2026-03-01")
    assert script["version"](tmp_path) == "7.8.9-rc.1"
    assert script["differences"](tmp_path) == []
    assert chart.read_text() == "apiVersion: v2\nversion: 7.8.9-rc.1\nappVersion: 7.8.9-rc.1\n"
    assert "trainer:7.8.9-rc.1" in (tmp_path / "configs/examples/cartpole.yaml").read_text()
    changelog = (tmp_path / "CHANGELOG.md").read_text()
    assert "## Unreleased\n\n## 7.8.9-rc.1 - 2026-03-01\n\n### Added\n" in changelog
    # again: nothing more happens
    assert script["write"](tmp_path, "7.8.9-rc.1", "2026-03-02") == []


def test_the_changelog_is_one_that_people_and_programs_read() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    releases = [line for line in lines if line.startswith("## ")]
    assert releases[0] == "## Unreleased"
    for line in releases[1:]:
        assert re.fullmatch(r"## \d+\.\d+\.\d+(-[0-9A-Za-z.-]+)? - \d{4}-\d{2}-\d{2}", line), line
    assert {line.removeprefix("### ") for line in lines if line.startswith("### ")} <= set(SECTIONS)
