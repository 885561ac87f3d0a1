"""Every Python block of the documentation runs. The blocks of a page share one namespace, in order."""

from __future__ import annotations

import ast
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import Block, blocks

PAGES = [(page, list(found)) for page, found in groupby(blocks("python"), key=lambda b: b.page)]
FOREIGN = ("Optuna",)
PARAMETERS = {"trainer.optimizer.learning_rate": 3e-4}


@pytest.mark.parametrize(("page", "found"), PAGES, ids=[page for page, _ in PAGES])
def test_the_python_runs(page: str, found: list[Block], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.json").write_text(json.dumps(PARAMETERS))
    monkeypatch.setenv("SWEEP_PARAMS_FILE", str(tmp_path / "params.json"))
    monkeypatch.setenv("SWEEP_RESULTS_FILE", str(tmp_path / "result.json"))
    monkeypatch.setenv("SWEEP_PARAM_LR", "0.001")
    monkeypatch.setenv("SWEEP_PARAM_WIDTH", "64")
    names: dict[str, Any] = {"__name__": "documented"}
    for block in found:
        if block.title in FOREIGN:
            ast.parse(block.text)  # this library is not installed
            continue
        exec(compile("\n" * block.line + block.text, block.page, "exec"), names)
    if any("SWEEP_RESULTS_FILE" in b.text for b in found):
        assert json.loads((tmp_path / "result.json").read_text())
