"""A sweep that cannot be read does not hide the others. It is named with its path, the reason and the remedy."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from sweep_operator.cli.main import cli
from tests.cli.stored_sweeps import finished, manifest, store

RESTORE = "restore it, or move it away to start from scratch"


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def empty(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: os.truncate(path, 6000), f"cannot be read: database disk image is malformed; {RESTORE}"),
    "text": (lambda path: path.write_text("x" * 9999), f"cannot be read: file is not a database; {RESTORE}"),
    "nothing": (lambda path: path.write_bytes(b""), f"cannot be read: no such table: counters; {RESTORE}"),
    "table": (lambda path: execute(path, "DROP TABLE objects"), f"cannot be read: no such table: objects; {RESTORE}"),
    "json": (
        lambda path: execute(path, "UPDATE objects SET body = '{'"),
        f"cannot be read: an object in it is not valid JSON; {RESTORE}",
    ),
    "newer": (
        lambda path: execute(path, "UPDATE counters SET value = 9 WHERE name = 'format'"),
        "has format 9; this version reads 1 to 2; update sweep-operator",
    ),
    "folder": (lambda path: (path.unlink(), path.mkdir()), f"cannot be read: Is a directory; {RESTORE}"),
}


@pytest.fixture(params=DAMAGE)
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A directory with the sweeps `fine` and `other-name`, and `damaged` between them; and what is wrong with it."""
    store(tmp_path, manifest("fine"), [finished(0.5)])
    store(tmp_path, manifest("other_name"), [finished(0.5)])
    state = store(tmp_path, manifest("damaged"), [finished(0.5)]) / "state.db"
    damage, message = DAMAGE[request.param]
    damage(state)
    return tmp_path, f"error: {state} {message}"


def sweep(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_the_others_are_listed(damaged: tuple[Path, str]) -> None:
    runs_dir, message = damaged
    for command in ("list", "status"):
        found = sweep(command, "--runs-dir", runs_dir)
        assert [line.split()[0] for line in found.stdout.splitlines()] == ["NAME", "fine", "other_name"]
        assert found.stderr.splitlines() == [message]
        assert found.exit_code == 1
    found = sweep("list", "-o", "json", "--runs-dir", runs_dir)
    assert len(json.loads(found.stdout)["items"]) == 2
    assert found.exit_code == 1


@pytest.mark.parametrize("name", ["fine", "other_name", "other-name"])
def test_the_others_are_found_by_name(damaged: tuple[Path, str], name: str, tmp_path: Path) -> None:
    runs_dir, _ = damaged
    for command in (["status"], ["best-params", "--no-patch"], ["export"]):
        found = sweep(*command, name, "--runs-dir", runs_dir)
        assert (found.exit_code, found.stderr) == (0, "")


def test_the_reason_is_given_where_a_name_is_not_found(damaged: tuple[Path, str]) -> None:
    runs_dir, message = damaged
    direct = sweep("status", "damaged", "--runs-dir", runs_dir)
    assert (direct.exit_code, direct.stderr.splitlines()) == (2, [message])
    unknown = sweep("export", "another", "--from", "local", "--runs-dir", runs_dir)
    first, *rest = unknown.stderr.splitlines()
    assert first == f"error: no sweep 'another' in {runs_dir}; known are fine, other_name"
    assert (unknown.exit_code, rest) == (2, [message])


def test_completion_offers_the_others(damaged: tuple[Path, str]) -> None:
    runs_dir, _ = damaged
    completed = ShellComplete(cli, {}, "sweep", "_SWEEP_COMPLETE")
    for command in ("status", "best-params", "export", "report"):
        found = completed.get_completions([command, "--runs-dir", str(runs_dir)], "")
        assert [item.value for item in found] == ["fine", "other_name"]
    found = completed.get_completions(["export", "--runs-dir", str(runs_dir)], "sweep_run=f")
    assert [item.value for item in found] == ["sweep_run=fine"]


def test_a_sweep_that_is_being_created_is_not_damaged(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with (tmp_path / "new/state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (tmp_path / "new/state.db").touch()
        listed = CliRunner().invoke(cli, ["list", "--runs-dir", str(tmp_path)])
        assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", f"No sweeps found in {tmp_path}.\n")


def test_directories_without_a_sweep(tmp_path: Path) -> None:
    store(tmp_path, manifest("fine"))
    empty(store(tmp_path, manifest("empty")) / "state.db")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "state.lock").touch()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").touch()
    found = sweep("list", "--runs-dir", tmp_path)
    assert [line.split()[0] for line in found.stdout.splitlines()] == ["NAME", "fine"]
    notes = [f"note: {tmp_path / name} contains no sweep; delete it" for name in ("empty", "killed")]
    assert (found.exit_code, found.stderr.splitlines()) == (0, notes)
    named = sweep("status", "empty", "--runs-dir", tmp_path)
    assert named.stderr.splitlines()[1:] == [f"error: {tmp_path / 'empty'} contains no sweep; delete it"]


@pytest.fixture
def another_user(tmp_path: Path) -> Iterator[None]:
    """Permissions count in the block, also if root runs the tests."""
    ours = os.geteuid()
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    if ours == 0:
        os.seteuid(65534)
    yield
    os.seteuid(ours)


def test_permissions(tmp_path: Path, another_user: None) -> None: ...


@contextmanager
def user_without_rights() -> Iterator[None]:
    """Permissions count in the block, also if root runs the tests."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(ours)


def test_files_of_another_user() -> None:
    """What may be read is read, even where SQLite may not create its files; for the rest, the permission is named."""
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = Path(folder)
        runs_dir.chmod(0o755)
        store(runs_dir, manifest("fine"), [finished(0.5)]).chmod(0o555)
        closed = store(runs_dir, manifest("closed"))
        file = store(runs_dir, manifest("unreadable")) / "state.db"
        assert sweep("status", "fine", "--runs-dir", runs_dir).exit_code == 0  # everything is imported now
        for left in ("state.db-shm", "state.db-wal"):
            (runs_dir / "fine" / left).unlink(missing_ok=True)
        closed.chmod(0)
        file.chmod(0)
        with user_without_rights():
            one = sweep("status", "fine", "--runs-dir", runs_dir)
            listed = sweep("list", "--runs-dir", runs_dir)
        assert (one.exit_code, one.stderr) == (0, "")
        assert "fine.r.0" in one.stdout
        assert [line.split()[0] for line in listed.stdout.splitlines()] == ["NAME", "fine"]
        remedy = "cannot be read: permission denied; make it readable for this user, or run the command as its owner"
        assert listed.stderr.splitlines() == [f"error: {closed / 'state.db'} {remedy}", f"error: {file} {remedy}"]
        closed.chmod(0o755)
        runs_dir.chmod(0)
        with user_without_rights():
            refused = sweep("list", "--runs-dir", runs_dir)
        runs_dir.chmod(0o755)
        (runs_dir / "fine").chmod(0o755)
        reason = f"{runs_dir} cannot be listed: Permission denied; make it readable, or name another directory"
        assert (refused.exit_code, refused.stderr) == (2, f"error: --runs-dir: {reason}\n")
