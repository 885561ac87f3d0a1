"""`sweep explain`, on a stored sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sweep_operator.cli.main import cli
from tests.builders import X
from tests.cli.stored_sweeps import finished, manifest, store

SPEC = {"parameters": {"model.x": {**X, "mean": 0.25}, "y": X}, "fixed": {}}


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep done, whose score depends on x and not on y."""
    path = tmp_path_factory.mktemp("runs")
    points = [(0.1, 0.9), (0.3, 0.2), (0.4, 0.6), (0.6, 0.1), (0.8, 0.7), (0.95, 0.4)]
    runs = [{**finished(x, 10.0 + y), "parameters": {"model.x": x, "y": y}} for x, y in points]
    store(path, manifest("done", **SPEC), runs)
    return path


def explain(runs_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *arguments, "--runs-dir", str(runs_dir)])


def test_the_overview_names_what_matters(runs_dir: Path) -> None:
    said = explain(runs_dir, "done")
    assert said.exit_code == 0, said.output
    header, first, *_ = said.stdout.splitlines()
    assert header.split()[:4] == ["PARAMETER", "IMPORTANCE", "VALUE", "BEST"]
    assert (first.split()[0], first.split()[2]) == ("model.x", "0.95")
    assert "VALUE: of done.r.5." in said.stdout
    assert "The next 10 runs (80% intervals):\n  best score: " in said.stdout


def test_documents_have_every_answer_by_name(runs_dir: Path) -> None:
    arguments = ("--parameter", "model.x", "--at", "y=0.5", "--contour", "model.x", "y", "--runs", "2", "-o", "json")
    found: dict[str, Any] = json.loads(explain(runs_dir, "done", *arguments).stdout)
    assert list(found) == ["slices", "contour", "outlook"]
    assert found["slices"]["at"]["y"] == found["contour"]["at"]["y"] == 0.5
    assert (found["slices"]["run"], found["outlook"]["runs"]) == (None, 2)


def test_why_a_run_was_suggested(runs_dir: Path) -> None:
    said = explain(runs_dir, "done", "done.r.1")
    assert (said.exit_code, said.stdout.splitlines()[0]) == (0, "done.r.1: origin model")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dome",), "did you mean done?"),
        (("done", "done.r.9"), "no run 'done.r.9' in sweep done; did you mean done.r."),
        (("done", "--parameter", "model.y"), "model.y: is not a parameter of sweep done; did you mean model.x?"),
        (("done", "--parameter", "y", "--at", "y=fast"), "y: 'fast' is not a number"),
        (("done", "done.r.1", "--runs", "2"), "explain a sweep; remove them or RUN"),
        (("done", "--at", "y=0.5"), "--at needs --parameter or --contour"),
        (("done", "--runs", "0"), "0 is not in the range 1<=x<=200"),
    ],
)
def test_errors_name_the_value_and_the_remedy(runs_dir: Path, arguments: tuple[str, ...], words: str) -> None:
    said = explain(runs_dir, *arguments)
    assert said.exit_code == 2
    assert words in said.stderr
