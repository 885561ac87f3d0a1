"""The page beside real processes: `sweep run` that works and is killed, and a server that is killed and restarted."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sweep_operator.machine.stored import stored_sweep
from sweep_operator.ui import runs
from sweep_operator.ui.here import page_here
from sweep_operator.ui.machine import LocalUser, RunsDirectory
from sweep_operator.ui.serving import Serving
from sweep_operator.views.page.models import Server
from tests.builders import sweep_body
from tests.cli.stored_sweeps import finished, manifest, store
from tests.cluster.processes import free_port
from tests.hostile_text import BIDI
from tests.ui.reader import Reader
from tests.ui.serving import Client, served, until

WAIT = 'until [ -e "$SWEEP_RUN_DIR/../go" ]; do sleep 0.1; done'
TRAIN = f"""printf '\\033[31mred\\033[0m\\n'; {WAIT}; echo trained
printf '{{"metrics": {{"reward": %s}}}}' "$SWEEP_PARAM_X" > "$SWEEP_RESULTS_FILE"
"""
SWEEP = "/api/sweeps/default/s"


class Machine:
    """A directory in which `sweep` is called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs_dir = folder, folder / "train_dir/sweep"
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sweep_operator.cli.main", *arguments],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env},
        )  # fmt: skip
        self.processes.append(process)
        return process

    def may_end(self) -> None:
        (self.runs_dir / "s/runs/go").touch()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    spec = {
        "method": "random",
        "limits": {"maxRuns": 2, "maxParallelRuns": 1},
        "train": {"command": ["sh", "-c", TRAIN]},
    }
    (tmp_path / "s.yaml").write_text(json.dumps(sweep_body("s", **spec)))
    found = Machine(tmp_path)
    found.runs_dir.mkdir(parents=True)
    yield found
    for process in found.processes:
        process.kill()
        process.communicate()


@asynccontextmanager
async def page_of(process: subprocess.Popen[str]) -> AsyncIterator[Client]:
    """A client of the URL that a process prints."""
    assert process.stdout is not None
    url = None
    while url is None:
        line = await asyncio.to_thread(process.stdout.readline)
        assert line, "ended without a URL"
        url = re.search(r"http://\S+", line)
    async with aiohttp.ClientSession() as session:
        yield Client(session, url[0])


async def test_a_sweep_is_followed_from_its_start_past_a_kill(machine: Machine) -> None:
    """The page is open before the sweep exists."""
    async with served(machine.runs_dir) as page:
        reader = Reader()
        await page.follow(reader, "default/s", lambda r: r.last_id)
        assert (reader.sweeps, reader.page) == ({}, None)
        running = machine.start("run", "s.yaml")
        await page.follow(reader, "default/s", lambda r: phases(r) == {"s.r.0": ["queued", "training"]})
        assert states(reader) == {"s.r.0": "Training"}
        await until(lambda: has_log(page))
        assert await page.text(f"{SWEEP}/runs/s.r.0/log") == (200, "red\n")
        running.send_signal(signal.SIGKILL)
        running.communicate()
        await page.follow(reader, "default/s", lambda r: r.page["row"]["state"] == "Interrupted")
        assert states(reader) == {"s.r.0": "Interrupted"}
        counts = reader.page["row"]["counts"]
        assert (counts["running"], counts["waiting"], reader.page["row"]["etaSeconds"]) == (0, 1, None)
        assert "no process runs this sweep; to resume it, run: " in reader.sweeps["default/s"]["message"]
        running = machine.start("run", "s.yaml")
        machine.may_end()
        await page.follow(reader, "default/s", lambda r: r.page["row"]["ended"] and len(r.runs) == 2)
        assert set(states(reader).values()) == {"Completed"}
        assert await asyncio.to_thread(running.wait) == 0
        await until(lambda: shows_the_store(page, machine.runs_dir))


async def test_a_killed_server_is_missed_for_a_moment_only(machine: Machine) -> None:
    port = str(free_port())
    command = ("ui", "--port", port, "--runs-dir", str(machine.runs_dir))
    server = machine.start(*command, SWEEP_UI_TOKEN="secret-of-this-test")
    reader = Reader()
    async with page_of(server) as page:
        running = machine.start("run", "s.yaml")
        await page.follow(reader, "default/s", lambda r: states(r) == {"s.r.0": "Training"})
        await until(lambda: has_log(page))
        machine.may_end()
        snapshots = reader.kinds.count("snapshot")
        server.kill()
        out, err = server.communicate()
        assert await asyncio.to_thread(running.wait) == 0
        machine.start(*command, SWEEP_UI_TOKEN="secret-of-this-test")
        async with page_of(machine.processes[-1]):
            await page.follow(reader, "default/s", lambda r: r.page["row"]["ended"] and len(r.runs) == 2)
            assert reader.kinds.count("snapshot") == snapshots + 1
            assert set(states(reader).values()) == {"Completed"}
        again = machine.processes[-1]
        taken = machine.start(*command)
        assert await asyncio.to_thread(taken.communicate) == (
            "", f"error: --port {port}: Address already in use; choose another port, or omit --port\n",
        )  # fmt: skip
        assert taken.returncode == 2
        again.send_signal(signal.SIGINT)
        more, err_again = await asyncio.to_thread(again.communicate)
        assert (again.returncode, more, err, err_again) == (0, "", "", "")
        assert "secret-of-this-test" not in out, "only in the URL"


async def test_sweep_run_serves_its_own_page(machine: Machine) -> None:
    running = machine.start("run", "--ui", "--plain", "s.yaml")
    async with page_of(running) as page:
        assert (await page.get("/api/server"))["write"]
        await until(lambda: has_runs(page))
        status, answer = await page.act("add", "s", parameters={"x": 0.5})
        assert (status, answer["message"], answer["notes"]) == (200, "s.m.1 created", [])
        assert (await page.act("suspend", "s"))[1]["message"] == "s suspended"
        assert (await page.act("resume", "s"))[1]["message"] == "s resumed"
        reader = Reader()
        machine.may_end()
        await page.follow(reader, "default/s", lambda r: r.page and states(r).get("s.m.1") == "Completed")
    out, err = await asyncio.to_thread(running.communicate)
    assert (running.returncode, err) == (0, "")
    assert "Best: s." in out
    assert "s.m.1" in out


async def test_sweeps_come_and_go_and_some_cannot_be_read(machine: Machine) -> None:
    await asyncio.to_thread(store, machine.runs_dir, manifest("my_sweep"), [finished(1.0)])
    async with served(machine.runs_dir) as page:
        reader = Reader()
        await page.follow(reader, "", lambda r: list(r.sweeps) == ["default/my_sweep"])
        await asyncio.to_thread(store, machine.runs_dir, manifest("my-sweep"))
        await asyncio.to_thread(store, machine.runs_dir, manifest("other"))
        await page.follow(reader, "", lambda r: len(r.sweeps) == 3)
        (machine.runs_dir / "other/state.db").write_bytes(b"no database" * 1000)
        (machine.runs_dir / "empty").mkdir()
        await page.follow(reader, "", lambda r: r.unreadable)
        (unreadable,) = reader.unreadable
        assert list(reader.sweeps) == ["default/my_sweep", "default/my-sweep"]
        assert "/other/state.db cannot be read: " in unreadable
        assert (await page.get("/api/sweeps"))["unreadable"] == [unreadable]
        shutil.rmtree(machine.runs_dir / "my-sweep")
        shutil.rmtree(machine.runs_dir / "other")
        await page.follow(reader, "", lambda r: not r.unreadable)
        shutil.rmtree(machine.runs_dir)
        await page.follow(reader, "", lambda r: r.sweeps == {})


async def test_sweeps_of_one_name_are_told_apart_by_their_directories(machine: Machine) -> None:
    """A directory that was moved aside, and the sweep that was started again under its name."""
    for folder, score in (("s_old", 1.0), ("s", 2.0)):
        await asyncio.to_thread(store, machine.runs_dir, manifest("s"), [finished(score), finished(None)])
        logs = machine.runs_dir / "s/runs/s.r.0/logs"
        logs.mkdir(parents=True)
        (logs / "train-1.log").write_text(f"log of {folder}\n")
        (machine.runs_dir / "s").rename(machine.runs_dir / folder)
    async with served(machine.runs_dir, writes=True) as page:
        for folder, score in (("s", 2.0), ("s_old", 1.0)):
            path = f"/api/sweeps/default/{folder}"
            row = (found := await page.get(path))["row"]
            assert (row["name"], row["displayName"], found["runs"][0]["score"]) == (folder, folder, score)
            assert (await page.get(f"{path}/runs/s.r.0"))["row"]["score"] == score
            assert await page.text(f"{path}/runs/s.r.0/log") == (200, f"log of {folder}\n")
        before = stored_sweep(machine.runs_dir, "s_old").sweep
        for action in ({"action": "suspend"}, {"action": "retry", "run": "s.r.1"}):
            status, answer = await page.act(sweep="s_old", **action)
            said = "each contain a sweep named s, so it is shown only; to change it, move it to another directory, and"
            assert (status, answer["error"]) == (
                400, f"{machine.runs_dir}/s_old and {machine.runs_dir}/s {said} open that with --runs-dir"
            )  # fmt: skip
        assert stored_sweep(machine.runs_dir, "s_old").sweep == before
        assert (await page.act("suspend", "s"))[1]["message"] == "s suspended"


class _Everybody:
    """Each token belongs to another user, who may see everything."""

    def __init__(self, user: LocalUser) -> None:
        self._user = user

    async def user(self, token: str) -> LocalUser:
        return self._user


async def test_one_user_does_not_use_up_the_logs_of_all(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_LOGS_OF_ONE", 1)
    monkeypatch.setattr(runs, "MOST_LOGS", 2)
    machine.start("run", "s.yaml", "spec.limits.maxRuns=1")
    source = RunsDirectory(machine.runs_dir)
    server = Server(mode="machine", write=False, version="1", command="sweep", models=False)
    serving = Serving(server, source, _Everybody(LocalUser(source, machine.runs_dir, writes=False)))
    path = f"{SWEEP}/runs/s.r.0/log?follow=1"
    async with page_here(lambda token: serving) as url, aiohttp.ClientSession() as session:
        ann, ben, eve = (Client(session, re.sub("token=.*", f"token={name}", url)) for name in ("ann", "ben", "eve"))
        await until(lambda: has_log(ann))
        async with AsyncExitStack() as logs:
            for user in (ann, ben):
                chunks = await logs.enter_async_context(user.stream(path))
                assert await anext(chunks) == b"red\n"
                status, found = await user.send("GET", path)
                assert (status, found["error"]) == (429, "you are reading 1 logs already; close some pages of runs")
            status, found = await eve.send("GET", path)
            assert (status, found["error"]) == (429, "all users together are reading 2 logs already; try again later")
        await until(lambda: has_log(eve))


async def test_hostile_text_is_data(machine: Machine) -> None:
    bad = f"</script><script>alert(1)</script>\x1b]0;title\x07{BIDI}\u2028\n\nevent: snapshot\ndata: {{}}"
    run = finished(None)
    run["status"]["failure"]["message"] = bad
    await asyncio.to_thread(store, machine.runs_dir, manifest("s"), [run])
    logs = machine.runs_dir / "s/runs/s.r.0/logs"
    logs.mkdir(parents=True)
    (logs / "train-1.log").write_text(f"{bad}\n\x9b2J\xff\rend")
    async with served(machine.runs_dir) as page:
        reader = Reader()
        await page.follow(reader, "default/s", lambda r: r.runs)
        shown = reader.runs["s.r.0"]["failure"]["message"]
        assert "<script>alert(1)</script>" in shown
        assert not set(shown) & {"\x1b", "\x07", *BIDI}
        assert reader.kinds == ["snapshot"]
        status, log = await page.text(f"{SWEEP}/runs/s.r.0/log")
        assert status == 200
        assert not set(log) & {"\x1b", "\x07", "\x9b", "\r", *BIDI}
        assert log.endswith("\nend")


async def test_a_log_is_followed_to_the_end_of_its_attempt(machine: Machine) -> None:
    running = machine.start("run", "s.yaml", "spec.limits.maxRuns=1")
    async with served(machine.runs_dir) as page:
        await until(lambda: has_log(page))
        async with page.stream(f"{SWEEP}/runs/s.r.0/log?follow=1") as chunks:
            assert await anext(chunks) == b"red\n"
            machine.may_end()
            assert b"".join([chunk async for chunk in chunks]) == b"trained\n"
        assert await page.text(f"{SWEEP}/runs/s.r.0/log?tail=1") == (200, "trained\n")
        status, text = await page.text(f"{SWEEP}/runs/s.r.0/log?stage=eval")
        assert status == 404
        assert "has no log of eval" in text
    await asyncio.to_thread(running.wait)


def states(reader: Reader) -> dict[str, str]:
    return {name: row["state"] for name, row in reader.runs.items()}


def phases(reader: Reader) -> dict[str, list[str]]:
    return {name: [phase["phase"] for phase in row["phases"]] for name, row in reader.runs.items()}


async def has_runs(page: Client) -> Any:
    status, found = await page.send("GET", SWEEP)
    return status == 200 and found["runs"]


async def has_log(page: Client) -> bool:
    return await page.text(f"{SWEEP}/runs/s.r.0/log") == (200, "red\n")


async def shows_the_store(page: Client, runs_dir: Path) -> bool:
    stored = stored_sweep(runs_dir, "s")
    rows = {row["name"]: row["score"] for row in (await page.get(SWEEP))["runs"]}
    return rows == {run["metadata"]["name"]: run["status"]["score"] for run in stored.runs}
