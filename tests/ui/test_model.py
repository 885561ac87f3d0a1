"""Questions about the model, asked over HTTP and answered by an optimizer process that is started for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.ui.machine import RunsDirectory
from sweep_operator.ui.model import DirectoryReader, Models
from sweep_operator.ui.source import Key
from sweep_operator.views.page.explanations import AskImportance, AskPredict, Importance
from tests.builders import X
from tests.cli.stored_sweeps import finished, manifest, store
from tests.ui.serving import served

SPEC = {"parameters": {"x": {**X, "mean": 0.25}, "y": X}, "fixed": {}}


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """The sweep done, whose score depends on x and not on y."""
    points = [(0.1, 0.9), (0.3, 0.2), (0.4, 0.6), (0.6, 0.1), (0.8, 0.7), (0.95, 0.4)]
    runs = [{**finished(x, 10.0 + y), "parameters": {"x": x, "y": y}} for x, y in points]
    store(tmp_path, manifest("done", **SPEC), runs, {"runs": {"created": 6, "succeeded": 6}})
    return tmp_path


async def test_questions_are_answered_and_answers_are_kept(runs_dir: Path) -> None:
    async with served(runs_dir) as client:
        assert (await client.get("/api/server"))["models"] is True
        path = "/api/sweeps/default/done/explain"

        async def asked(**question: Any) -> tuple[int, Any]:
            status, answer = await client.send("POST", path, question)
            return status, answer

        status, importance = await asked(what="importance")
        assert status == 200
        assert importance["shares"]["x"] > 0.9
        status, slices = await asked(what="slices", parameters=["x"])
        assert (slices["run"], slices["parameters"][0]["success"]) == ("done.r.5", None), "what is absent is null"
        assert slices["parameters"][0]["mean"][-1] > slices["parameters"][0]["mean"][0]
        status, error = await asked(what="slices", parameters=["z"])
        assert (status, error["error"]) == (400, "z: is not a parameter of sweep done; known are x, y")
        status, error = await asked(what="why", run="done.r.77")
        assert (status, error["error"]) == (400, "no run 'done.r.77' in sweep done; did you mean done.r.5?")
        status, _ = await asked(what="magic")
        assert status == 400
        status, why = await asked(what="why", run="done.r.1")
        assert status == 200, why
        status, predicted = await asked(what="predict", parameters={"x": 0.5, "y": 0.5})
        status, preview = await client.act("add", parameters={"x": 0.5, "y": 0.5}, preview=True)
        low, median, high = (predicted["cost"][name] for name in ("low", "expected", "high"))
        assert preview["predictedCost"] == {"low": low, "median": median, "high": high, "unit": "seconds"}


class _Counting(DirectoryReader):
    """Counts how often the runs are read."""

    reads = 0

    async def runs(self, key: Key) -> Any:
        self.reads += 1
        return await super().runs(key)


async def test_an_answer_is_computed_once_for_all_pages(runs_dir: Path) -> None:
    source = RunsDirectory(runs_dir)
    source.look()
    await source.sweeps()
    reader = _Counting(source)
    models, key = Models(reader), Key("default", "done")
    try:
        first, second = [await models.answer(key, AskImportance()) for _ in range(2)]
        assert isinstance(first, Importance)
        assert second is first
        assert reader.reads == 1
        await models.answer(key, AskPredict(parameters={}))
        assert reader.reads == 1, "another question about the same results"
    finally:
        await models.close()


def test_the_server_itself_never_imports_torch() -> None:
    code = "import sys, sweep_operator.ui.machine_page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
