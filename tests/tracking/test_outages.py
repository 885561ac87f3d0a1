"""Kills and hangs: nothing is delivered twice, nothing is lost, and the sweep does not wait."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.local import LocalSession
from sweep_operator.tracking.delivery.outbox import Outbox
from tests.local.sweeps import manifest, until
from tests.tracking.finished import assert_each_once, store, stored_runs
from tests.tracking.finished import manifest as finished
from tests.wandb_stub.server import WandbServer

DRIVER = """
import asyncio, json, os, sys
from pathlib import Path
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.local import LocalSession
from sweep_operator.local.tracking import with_own_account

async def main():
    config = with_own_account(OperatorConfig(wandb_runs_per_minute=1e6), os.environ)
    async with LocalSession(Path(sys.argv[1]), json.loads(sys.argv[2]), config=config) as session:
        print("started", flush=True)
        async with asyncio.timeout(600):
            while not all(run.delivered for run in session.view()[1]):
                await session.changed(0.1)

asyncio.run(main())
"""


def start(runs_dir: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", DRIVER, str(runs_dir), json.dumps(finished("s"))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "SWEEP_TEST": str(runs_dir)})


def left_behind(runs_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SWEEP_TEST") == str(runs_dir) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_the_operator_is_killed_again_and_again(
    tmp_path: Path, wandb_env: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = store(tmp_path / "runs", "s", 40)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    rng, killed = random.Random(0), 0
    wandb_env.latency = 0.02
    while killed < 2:
        process = start(tmp_path / "runs")
        assert process.stdout is not None
        process.stdout.readline()
        before, wanted = len(wandb_env.requests()), rng.randrange(5, 60)
        while len(wandb_env.requests()) < before + wanted and process.poll() is None:
            psutil.Process().cpu_percent(0.02)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        psutil.wait_procs(left_behind(tmp_path / "runs"), timeout=60)
        assert left_behind(tmp_path / "runs") == [], "the delivery process and wandb-core end with the operator"
        assert list(temporary.glob("sweep-wandb-*")) == []
        if all(run.delivered for run in stored_runs(state)):
            break
    assert killed >= 2
    last = start(tmp_path / "runs")
    last.communicate(timeout=700)
    assert last.returncode == 0
    (sweep,) = wandb_env.sweeps()
    assert_each_once(wandb_env.runs(), 40, sweep.name)
    assert all(run.delivered for run in stored_runs(state))


async def test_a_sweep_ends_while_wandb_hangs(tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig) -> None:
    wandb_env.faults.add("hang", times=None, seconds=600)
    body = manifest("s", limits={"maxRuns": 8, "maxParallelRuns": 2}, tracking={"wandb": {"entity": "acme"}})
    async with LocalSession(tmp_path, body, config=quick) as running:
        _, runs = await until(running, lambda *_: running.done())
        assert len(runs) == 8
        assert all(r.succeeded for r in runs)
        assert not any(r.delivered for r in runs)


def test_passes_never_wait_for_the_delivery() -> None:
    """What the engine calls cannot be awaited, and the child is asked by the outbox's own task alone."""
    for name in ("report", "offer", "forget"):
        assert not inspect.iscoroutinefunction(getattr(Outbox, name)), name
    assert asyncio.iscoroutinefunction(Outbox.run)
