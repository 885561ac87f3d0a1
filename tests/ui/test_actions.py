"""Every action: its preview changes nothing, and it does what the command that it shows does."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.cli.main import cli
from sweep_operator.commands.change import assignment, command_line
from sweep_operator.config.arguments import parse_argument
from sweep_operator.local import LocalSession
from tests.builders import X
from tests.cli.stored_sweeps import T0, finished, manifest, store
from tests.ui.serving import Client, served, until

SPEC = {"parameters": {"x": {**X, "mean": 0.25}}, "fixed": {}, "suspend": True}
RESUME = "no process runs done; to resume it, run: sweep run done.yaml"
LIMITS = "the next `sweep run` applies the limits of its configuration again; change them there, too"


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """The sweep done: runs that have succeeded, one that has failed, and one in training."""
    ended = [{**finished(1.0, cost), "parameters": {"x": x}} for x, cost in ((0.1, 10.0), (0.2, 20.0), (0.9, 90.0))]
    runs = [*ended, {**finished(None), "parameters": {"x": 0.85}}, {"parameters": {"x": 0.5}, "status": {}}]
    condition = {"type": "Succeeded", "status": "Unknown", "reason": "Running", "lastTransitionTime": T0.isoformat()}
    directory = store(tmp_path, manifest("done", **SPEC), runs, {"conditions": [condition]})
    (directory / "resume.txt").write_text("sweep run done.yaml\n")
    return tmp_path


CASES: list[tuple[str, dict[str, Any], str, str, list[str]]] = [
    ("add", {"parameters": {"x": 0.5}}, "add done x=0.5", "done.m.1 created", []),
    ("add", {"parameters": {"x": 5}, "run": "mine"}, "add done x=5 --name mine", "mine created",
     ["x=5.0 is outside [0, 1]; the run uses this value anyway"]),
    ("retry", {"run": "done.r.3"}, "retry done.r.3", "done.r.3-retry-1 created", []),
    ("stop", {"run": "done.r.4"}, "stop done.r.4", "done.r.4 stopped", []),
    ("suspend", {}, "suspend done", "done suspended (unchanged)", []),
    ("resume", {}, "resume done", "done resumed", []),
    ("limits", {"limits": {"maxRuns": 7, "totalCost": None}}, "limits done maxRuns=7 totalCost=null",
     "done limits updated", [LIMITS]),
    ("stop", {}, "stop done", "done stopped", []),
]  # fmt: skip


async def test_an_action_is_the_command_that_it_shows(runs_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "runs"
    async with served(runs_dir, writes=True) as page:
        for action, fields, command, message, notes in CASES:
            words = f"sweep {command} --runs-dir {runs_dir}"
            before = objects(runs_dir)
            status, preview = await page.act(action, preview=True, **fields)
            assert (status, preview["command"], preview["notes"]) == (200, words, [*notes, RESUME]), action
            assert objects(runs_dir) == before
            copy(runs_dir, other)
            status, answer = await page.act(action, **fields)
            assert (status, answer["command"], answer["message"]) == (200, words, message)
            assert answer["notes"] == [*notes, RESUME]
            done = await asyncio.to_thread(CliRunner().invoke, cli, shlex.split(f"{command} --runs-dir {other}"))
            assert (done.exit_code, done.stdout) == (0, f"{message}\n")
            assert done.stderr == "".join(f"note: {note}\n" for note in [*notes, RESUME])
            assert objects(runs_dir) == objects(other)


async def test_the_predicted_cost_is_that_of_similar_runs(runs_dir: Path) -> None:
    async with served(runs_dir) as page:
        _, near = await page.act("add", preview=True, parameters={"x": 0.1})
        assert near["predictedCost"] == {"low": 12.0, "median": 20.0, "high": 76.0, "unit": "seconds"}
        _, retried = await page.act("retry", preview=True, run="done.r.3")
        assert retried["predictedCost"] is not None
        _, stopped = await page.act("stop", preview=True)
        assert stopped["predictedCost"] is None


async def test_a_read_only_page_shows_the_command_only(runs_dir: Path) -> None:
    remedy = "this page is read-only; to allow changes, start it with `sweep ui --write`"
    async with served(runs_dir) as page:
        before = objects(runs_dir)
        for action, fields, command, *_ in CASES:
            assert await page.act(action, **fields) == (403, {"error": remedy, "field": None})
            status, preview = await page.act(action, preview=True, **fields)
            assert (status, preview["command"]) == (200, f"sweep {command} --runs-dir {runs_dir}")
            assert remedy in preview["notes"]
        assert objects(runs_dir) == before


async def test_what_is_wrong_is_said_with_its_field(runs_dir: Path) -> None:
    cases: list[tuple[str, dict[str, Any], int, str, str | None]] = [
        ("add", {"parameters": {"x": "fast"}}, 400, "x: 'fast' is not a number, as uniform needs; give a number", "x"),
        ("add", {"parameters": {"lr": 1}}, 400, "lr: is not a parameter of done; known are x", "lr"),
        ("add", {}, 400, "parameters: must contain at least one parameter", "parameters"),
        ("retry", {}, 400, "run: must be set for retry", "run"),
        ("retry", {"run": "done.r.0"}, 400,
         "done.r.0 has not failed; to run it again, use `sweep add done --like done.r.0`", None),
        ("retry", {"run": "done.r.77"}, 404, "no run 'done.r.77' in sweep done; it may have been deleted", None),
        ("limits", {"limits": {"maxRuns": -1}}, 400,
         "spec.limits.maxRuns: -1 should be greater than or equal to 0", "spec.limits.maxRuns"),
        ("limits", {"limits": {"maxRun": 1}}, 400, "maxRun: unknown limit; did you mean maxRuns?", None),
        ("limits", {}, 400, "limits: must contain at least one limit", "limits"),
        ("stop", {"sweep": "other"}, 404, "no sweep 'other' in namespace default; it may have been deleted", None),
    ]  # fmt: skip
    async with served(runs_dir, writes=True) as page:
        before = objects(runs_dir)
        for action, fields, status, text, field in cases:
            assert await page.act(action, **fields) == (status, {"error": text, "field": field})
        assert objects(runs_dir) == before


async def test_a_running_sweep_is_changed_by_its_process(runs_dir: Path) -> None:
    async with LocalSession(runs_dir, manifest("done", **SPEC)), served(runs_dir, writes=True) as page:
        status, answer = await page.act("add", parameters={"x": 0.75})
        assert (status, answer["message"], answer["notes"]) == (200, "done.m.1 created", [])
        await until(lambda: shown(page, "done.m.1"))


async def shown(page: Client, run: str) -> bool:
    return run in [row["name"] for row in (await page.get("/api/sweeps/default/done"))["runs"]]


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3})?", fullmatch=True),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    )
)
def test_a_command_has_exactly_the_values(values: dict[str, Any]) -> None:
    command = command_line("kubectl sweep", ["add", "s", *(assignment(path, value) for path, value in values.items())])
    program, sub, add, sweep, *arguments = shlex.split(command)
    assert (program, sub, add, sweep) == ("kubectl", "sweep", "add", "s")
    read = {a.key: a.value for a in map(parse_argument, arguments)}
    assert json.dumps(read) == json.dumps(values)


def objects(runs_dir: Path) -> Any:
    """The sweep and its runs, without what two writers never have in common."""
    out = CliRunner().invoke(cli, ["status", "done", "-o", "json", "--runs-dir", str(runs_dir)]).stdout
    found = json.loads(out)["items"]
    for obj in found:
        for name in ("uid", "resourceVersion", "creationTimestamp"):
            obj["metadata"].pop(name, None)
    return found


def copy(runs_dir: Path, other: Path) -> None:
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(runs_dir, other)
