"""Commands on local sweeps run exactly as documented, and so does the sweep of the quick start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sweep_operator.cli.main import cli
from tests.cli.stored_sweeps import finished, manifest, store
from tests.docs.blocks import ROOT, blocks
from tests.docs.command_lines import Line, lines

CHEAP = ("best-params", "export", "import", "init", "list", "render", "report", "status", "validate")
TO_RUN = [
    line
    for line in lines()
    if line.whole
    and line.program == "sweep"
    and line.arguments[1:2]
    and line.arguments[1] in CHEAP
    and "wandb" not in line.arguments
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like the reader's: the repository's configurations, the files of the pages, and finished sweeps."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "configs", folder / "configs")
    write_quick_start(folder)
    for block in blocks("text"):
        if block.title:
            (folder / block.title).write_text(block.text)
    for name in {found for line in TO_RUN if (found := _sweep_of(line)) is not None}:
        runs = [finished(0.5), finished(0.9), finished(None)]
        runs[0]["status"]["metrics"] = {"step_ms": 0.04, "peakMemoryBytes": 5e8}
        store(folder / "train_dir/sweep", manifest(name), runs, _status())
    with pytest.MonkeyPatch.context() as patch:  # regardless of which test is first
        patch.chdir(folder)
        for line in TO_RUN:
            if line.arguments[1] == "init":
                assert CliRunner().invoke(cli, line.arguments[1:]).exit_code == 0
    return folder


def write_quick_start(folder: Path) -> None:
    """Write the files that the quick start shows."""
    for block in blocks():
        if block.page == "docs/quick-start.md" and block.title in ("train.py", "sweep.yaml"):
            (folder / block.title).write_text(block.text)


def _sweep_of(line: Line) -> str | None:
    """The stored sweep that a command reads."""
    words = [w.removeprefix("sweep_run=") for w in line.arguments[2:] if not w.startswith("-") and not w.isdigit()]
    return words[0] if words and line.arguments[1] in ("best-params", "export", "report", "status") else None


def _status() -> dict[str, Any]:
    return {"runs": {"created": 3, "succeeded": 2, "failed": 1}, "cost": {"spent": 20.0, "unit": "seconds"}}


@pytest.mark.parametrize("line", TO_RUN, ids=str)
def test_the_command_works(line: Line, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    cheaper = ["--no-model"] if line.arguments[1] == "report" else []
    result = CliRunner().invoke(cli, [*line.arguments[1:], *cheaper])
    assert result.exit_code == 0, result.output
    assert result.output or "-o" in line.arguments


def test_all_cheap_commands_are_documented() -> None:
    assert {line.arguments[1] for line in TO_RUN} >= set(CHEAP) - {"list"}


def test_the_quick_starts_own_sweep_runs(tmp_path: Path) -> None:
    write_quick_start(tmp_path)
    # The initial design needs no model, and three runs are enough.
    short = ["--plain", "spec.limits.maxRuns=3"]
    path = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "sweep_operator.cli.main", "run", "sweep.yaml", *short]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    best = subprocess.run(
        [sys.executable, "-m", "sweep_operator.cli.main", "best-params", "sweep_run=first"],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=path,
    )  # fmt: skip
    found = re.search(r"Best run: first\.r\.\d \(score: (-?[\d.]+)\)", best.stdout)
    assert found is not None, best.stdout
    assert float(found[1]) <= 0
