"""The key is in no log, no Event, no status, no command line and no file, whether W&B works, refuses it or is dead."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sweep_operator.config.yaml_files import to_yaml
from sweep_operator.tracking.delivery.process import DeliveryChild
from tests.tracking.finished import manifest, store, stored_runs
from tests.tracking.test_sweep_object import card, parcel
from tests.wandb_stub.records import Account
from tests.wandb_stub.server import WandbServer

GOOD = "sEcReT" + "4" * 80
BAD = "sEcReT of another server, with spaces"


def commands(root: psutil.Process) -> str:
    found = []
    for process in [root, *root.children(recursive=True)]:
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return "\n".join(found)


@pytest.mark.parametrize("key", [GOOD, BAD], ids=["works", "refused"])
def test_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wandb_env: WandbServer, key: str) -> None:
    wandb_env.add_account(Account(GOOD))
    wandb_env.faults.add("status", "file_stream", times=1)  # something to complain of
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    state = store(tmp_path / "runs", "s", 3)
    file = tmp_path / "sweep.yaml"
    file.write_text(to_yaml(manifest("s")))
    code = (
        "import logging, sys; logging.basicConfig(level='DEBUG'); "
        "from sweep_operator.cli.main import main; sys.argv[0] = 'sweep'; main()"
    )
    command = [sys.executable, "-c", code, "run", str(file), "--runs-dir", str(tmp_path / "runs"), "--plain"]
    env = {**os.environ, "WANDB_API_KEY": key, "TMPDIR": str(scratch), "HOME": str(scratch)}
    with (tmp_path / "output.txt").open("w") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        seen, deadline = "", time.monotonic() + 600
        while process.poll() is None and time.monotonic() < deadline:
            seen += commands(psutil.Process(process.pid)) + _files(scratch)
            psutil.Process().cpu_percent(0.1)
    undelivered = 0 if key == GOOD else 3
    assert process.wait(timeout=60) == undelivered, (tmp_path / "output.txt").read_text()
    assert "sweep_operator.tracking.delivery.worker" in seen, "the delivery process was looked at"
    assert "wandb-core" in seen or key == BAD
    assert all(run.delivered for run in stored_runs(state)) == (key == GOOD)
    everything = seen + _files(tmp_path)
    assert "sEcReT" not in everything, everything[max(0, everything.find("sEcReT") - 300) :][:600]


async def test_a_redirect_to_another_host_does_not_take_the_key_there(wandb_env: WandbServer) -> None:
    with WandbServer() as thief:
        there = thief.url.replace("127.0.0.1", "localhost") + "/graphql"
        wandb_env.faults.add("status", "UpsertBucket", code=307, times=None, headers={"Location": there})
        child = DeliveryChild(run_seconds=120, environ=os.environ)
        said = [line async for line in child.deliver(wandb_env.url, parcel("s", "uid-1").with_(runs=[card(0)]))]
        await child.close()
        assert not [line for line in said if line.kind == "delivered"]
        assert thief.requests(), "it was asked"
        assert {request.username for request in thief.requests(otel=True)} == {None}, "without the key"


def _files(folder: Path) -> str:
    """Names and contents of all files that these processes write; they come and go meanwhile."""
    found = []
    for at, _, names in os.walk(folder):  # a folder that is gone is left out: Path.rglob fails there
        for path in (Path(at, name) for name in names):
            try:
                found.append(f"{path}\n{path.read_bytes().decode(errors='replace')}" if path.is_file() else str(path))
            except OSError:
                continue
    return "\n".join(found)
