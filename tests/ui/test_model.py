"""Questions about the model, asked over HTTP and answered by an optimizer process that is started for them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.engine.warm_start import config_map_of
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Forbidden, Kind, Object
from sweep_operator.ui.machine import LocalUser, RunsDirectory
from sweep_operator.ui.model import DirectoryReader, Models
from sweep_operator.ui.source import Key
from sweep_operator.views.page.explanations import AskImportance, AskPredict, Importance, Predicted
from tests.builders import X, earlier
from tests.cli.stored_sweeps import T0, finished, manifest, store
from tests.ui.serving import served

SPEC = {"parameters": {"x": {**X, "mean": 0.25}, "y": X}, "fixed": {}}
NO_RIGHT = (
    "The observations of the warm start are not included, because you have no permission to get ConfigMaps in "
    "namespace default."
)


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
    reader, user = _Counting(source), LocalUser(source, runs_dir, writes=False)
    models, key = Models(reader), Key("default", "done")
    try:
        first, second = [await models.answer(key, AskImportance(), user) for _ in range(2)]
        assert isinstance(first, Importance)
        assert second is first
        assert reader.reads == 1
        await models.answer(key, AskPredict(parameters={}), user)
        assert reader.reads == 1, "another question about the same results"
    finally:
        await models.close()


class _WithoutConfigMaps(LocalUser):
    """Whom the API server refuses ConfigMaps."""

    async def config_map(self, key: Key, name: str) -> Object:
        raise Forbidden(f"configmaps {name!r} is forbidden")


async def test_the_warm_start_counts_for_those_who_may_read_it(runs_dir: Path) -> None:
    await _add_warm_start(runs_dir, [Observation({"x": i / 9, "y": i * 5 % 9 / 9}, i / 9, 10.0) for i in range(9)])
    source = RunsDirectory(runs_dir)
    source.look()
    await source.sweeps()
    may = LocalUser(source, runs_dir, writes=False)
    may_not = _WithoutConfigMaps(source, runs_dir, writes=False)
    models, key = Models(DirectoryReader(source)), Key("default", "done")
    try:
        answers = [await models.answer(key, AskPredict(parameters={}), user) for user in (may, may_not, may)]
        with_it, without, again = [answer.score for answer in answers if isinstance(answer, Predicted)]
        assert with_it == again
        assert with_it != without
        assert [NO_RIGHT in answer.note for answer in answers] == [False, True, False]
        await _change_config_map(runs_dir)
        changed = await models.answer(key, AskPredict(parameters={}), may)
        assert changed.note.endswith("because the ConfigMap that contains them was deleted or changed.")
    finally:
        await models.close()


async def _add_warm_start(runs_dir: Path, rows: list[Observation]) -> None:
    """Let the sweep done have learned from ``rows``."""
    with closing(EmbeddedKube(runs_dir / "done/state.db", clock=lambda: T0)) as kube:
        stored = await kube.get(Kind.SWEEP, "default", "done")
        state, body = config_map_of(read(Sweep, stored), WarmStartState(earlier(*rows)))
        await kube.create(Kind.CONFIG_MAP, body)
        status = {**stored["status"], "warmStartDigest": state.digest}
        await kube.update_status(Kind.SWEEP, {**stored, "status": status})


async def _change_config_map(runs_dir: Path) -> None:
    """Replace the content of the ConfigMap by other rows."""
    with closing(EmbeddedKube(runs_dir / "done/state.db", clock=lambda: T0)) as kube:
        (found,) = (await kube.list(Kind.CONFIG_MAP, "default")).items
        await kube.delete(Kind.CONFIG_MAP, "default", found["metadata"]["name"])
        meta = {name: found["metadata"][name] for name in ("name", "namespace", "labels")}
        await kube.create(Kind.CONFIG_MAP, {**found, "metadata": meta, "data": {"notes": "changed"}})


def test_the_server_itself_never_imports_torch() -> None:
    code = "import sys, sweep_operator.ui.machine_page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
