"""Commands that change a sweep of this machine, without a process that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sweep_operator.cli.main import cli
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.local import LocalSession
from tests import same_commands
from tests.builders import X
from tests.cli.stored_sweeps import T0, finished, manifest, store


def sweep(runs_dir: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--runs-dir", str(runs_dir)], input=stdin)


SPEC = {"parameters": {"x": {**X, "mean": 0.25}}, "fixed": {}, "suspend": True}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The runs directory of the sweep done: a run that has succeeded, one that has failed, and one in training."""
    x = {"parameters": {"x": 0.5}}
    runs = [{**finished(1.0), **x}, {**finished(None), **x}, {**x, "status": {}}]
    condition = {"type": "Succeeded", "status": "Unknown", "reason": "Running", "lastTransitionTime": T0.isoformat()}
    directory = store(tmp_path, manifest("done", **SPEC), runs, {"conditions": [condition]})
    (directory / "resume.txt").write_text("sweep run done.yaml\n")
    return tmp_path


@pytest.mark.parametrize("running", [False, True])
async def test_the_commands_answer_as_those_of_kubectl(stored: Path, running: bool) -> None:
    """``running``: they change the sweep through the process that runs it."""

    def run(*arguments: str, stdin: str | None) -> tuple[int, str, str]:
        done = sweep(stored, *arguments, stdin=stdin)
        note = "note: no process runs done; to resume it, run: sweep run done.yaml\n"
        assert (note in done.stderr) == (done.exit_code == 0 and not running)
        return done.exit_code, done.stdout, done.stderr

    names = {"SWEEP": "done", "DONE": "done.r.0", "FAILED": "done.r.1"}
    async with LocalSession(stored, manifest("done", **SPEC)) if running else contextlib.nullcontext():
        await asyncio.to_thread(same_commands.check, run, names, "sweep")
    items = json.loads(sweep(stored, "status", "done", "-o", "json").stdout)["items"]
    assert {o["metadata"]["name"]: o["spec"]["parameters"]["x"] for o in items if "sweepName" in o["spec"]} == {
        "done.r.0": 0.5, "done.r.1": 0.5, "done.r.2": 0.5, "done.m.1": 0.5, "done.m.2": 0.25, "done.m.3": 1,
        "mine": 0.5, "done.r.1-retry-1": 0.5, "done.r.1-retry-2": 0.5,
    }  # fmt: skip
    assert next(o["spec"]["stop"] for o in items if o["metadata"]["name"] == "mine")


def test_sweeps_are_found_by_display_name_first(tmp_path: Path) -> None:
    """The names of both objects are my-sweep."""
    for name in ("my_sweep", "my-sweep"):
        store(tmp_path, manifest(name), [finished(None)])
    assert sweep(tmp_path, "retry", "my_sweep.r.0").stdout == "my-sweep.r.0-retry-1 created\n"
    found = [sweep(tmp_path, "status", name).stdout.count("Pending") for name in ("my_sweep", "my-sweep")]
    assert found == [2, 1], "the sweep, which has no status, and the run"
    unknown = sweep(tmp_path, "stop", "your_sweep")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "did you mean my_sweep?" in unknown.stderr


def test_names_are_completed(stored: Path) -> None:
    def asked(words: str) -> list[str]:
        from click.shell_completion import ShellComplete

        *given, incomplete = words.split(" ")
        items = ShellComplete(cli, {}, "sweep", "_SWEEP_COMPLETE").get_completions(
            [given[0], "--runs-dir", str(stored), *given[1:]], incomplete
        )
        return [str(item.value) for item in items]

    assert asked("stop d") == ["done", "done.r.0", "done.r.1", "done.r.2"]
    assert asked("retry ") == ["done.r.1"]
    assert asked("logs done.r.") == ["done.r.0", "done.r.1", "done.r.2"]
    assert asked("add done ") == ["x="]
    assert asked("suspend done ") == []


def test_the_log_of_a_run_without_a_process(stored: Path) -> None:
    logs = stored / "done/runs/done.r.0/logs"
    logs.mkdir(parents=True)
    for name, text in {"train-1": "a\n", "train-2": "b\nc\n", "eval-1": "d\n", "eval-1-1": "e\n"}.items():
        (logs / f"{name}.log").write_text(text)
    for arguments, out in (
        ([], "d\n"),
        (["--stage", "train"], "b\nc\n"),
        (["--stage", "train", "--tail", "1"], "c\n"),
        (["--stage", "train", "--attempt", "1"], "a\n"),
        (["--node", "1"], "e\n"),
        (["-f"], "d\n"),
    ):
        done = sweep(stored, "logs", "done.r.0", *arguments)
        assert (done.exit_code, done.stdout, done.stderr) == (0, out, ""), arguments
    for arguments, said in (
        (["done.r.0", "--attempt", "7"], "done.r.0 (Completed) has no log of attempt 7, or it was deleted"),
        (
            ["done.r.2"],
            "done.r.2 (Interrupted) has no log yet, and no process runs its sweep; to resume",
        ),
        (["done.r.2", "-f"], "no process runs its sweep; to resume it, run: sweep run done.yaml"),
    ):
        done = sweep(stored, "logs", *arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert said in done.stderr
    replaced = logs / "train-1.log"
    replaced.unlink()
    replaced.mkdir()
    done = sweep(stored, "logs", "done.r.0", "--attempt", "1", "--stage", "train")
    assert (done.exit_code, done.stderr) == (1, f"error: {replaced}: Is a directory\n")


def test_delete_removes_the_directory_and_nothing_else(stored: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (stored / "done/runs").mkdir()
    (stored / "done/runs/link").symlink_to(outside)
    asked = sweep(stored, "delete", "done")
    assert asked.exit_code == 2
    assert "confirm with --yes" in asked.stderr
    (stored / "linked").symlink_to(stored / "done")
    linked = sweep(stored, "delete", "linked", "--yes")
    assert linked.exit_code == 2
    assert "is a symbolic link" in linked.stderr
    (stored / "linked").unlink()
    assert sweep(stored, "delete", "outside", "--yes").exit_code == 2, "not a sweep"
    done = sweep(stored, "delete", "done", "--yes")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "done deleted\n", "")
    assert not (stored / "done").exists()
    assert (outside / "kept").exists()


def test_a_sweep_in_use_is_neither_deleted_nor_changed(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep_operator.kube.embedded.client._PATIENCE", 0.0)
    other = EmbeddedKube(stored / "done/state.db", clock=lambda: T0)
    try:
        for arguments in (["delete", "done", "-y"], ["stop", "done"], ["add", "done", "x=0.5"]):
            done = sweep(stored, *arguments)
            assert (done.exit_code, done.stdout) == (1, ""), done.output
            assert "is in use by process " in done.stderr
        assert "run: sweep stop done" in sweep(stored, "delete", "done", "-y").stderr
    finally:
        other.close()
