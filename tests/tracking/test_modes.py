"""mode offline and `sweep sync`; mode disabled; servers and projects that are not allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.cli.main import cli
from sweep_operator.config.yaml_files import read_documents, to_yaml
from sweep_operator.local import LocalSession
from sweep_operator.local.tracking import with_own_account
from tests.local.sweeps import manifest, until
from tests.tracking.conftest import clear_wandb
from tests.tracking.finished import (
    REPORTS,
    assert_each_once,
    curve_of,
    expected_summary,
    fails,
    lr,
    store,
    stored_runs,
    written_summary,
)
from tests.tracking.finished import manifest as finished
from tests.wandb_stub import offline
from tests.wandb_stub.server import KEY, WandbServer

IMPORTED = """
import asyncio, json, sys
from pathlib import Path
from sweep_operator.local import LocalSession

async def main():
    async with LocalSession(Path(sys.argv[1]), json.loads(sys.argv[2])) as session:
        async with asyncio.timeout(600):
            while not session.done() or session.delivering():
                await session.changed(0.1)
    assert "wandb" not in sys.modules, "the operator's own process never imports it"

asyncio.run(main())
"""


def test_offline_writes_files_and_sync_delivers_them(
    tmp_path: Path, wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_wandb(monkeypatch, tmp_path)  # neither key nor server: nothing is asked
    state = store(tmp_path, "s", 6, mode="offline")
    for _ in range(2):  # the second time there is nothing left to write
        _run(tmp_path, finished("s", mode="offline"))
    found = {run.display_name: run for run in offline.read_all(tmp_path / "s" / "wandb")}
    assert len(list((tmp_path / "s" / "wandb").iterdir())) == 6
    for index in range(6):
        run = found[f"s.r.{index}"]
        assert run.config == {"trainer.lr": lr(index), "trainer.batch": 64, "trainer.name": "ppo"}
        assert written_summary(run.summary) == expected_summary(index)
        assert curve_of(run.history) == REPORTS
        assert (run.group, run.exit_code) == ("s", 1 if fails(index) else 0)
    assert {r.status.tracking.state for r in stored_runs(state) if r.status.tracking} == {"Offline"}

    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    done = CliRunner().invoke(cli, ["sync", "s", "--runs-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (sweep,) = wandb_server.sweeps()
    assert_each_once(wandb_server.runs(), 6, sweep.name)
    assert "6 of 6 finished runs are in W&B" in done.output
    assert f"{wandb_server.url}/acme/sweeps/sweeps/{sweep.name}" in done.output
    assert all(r.delivered for r in stored_runs(state))
    (written,) = read_documents(tmp_path / "s" / "config.yaml")  # parsed: an id that looks like a number is quoted
    assert written["wandb_sweep_id"] == sweep.name
    asked = len(wandb_server.requests())
    assert CliRunner().invoke(cli, ["sync", "s", "--runs-dir", str(tmp_path)]).exit_code == 0
    assert len(wandb_server.requests()) == asked, "nothing is left to ask"


def _run(runs_dir: Path, body: dict[str, Any], **env: str) -> None:
    """A session to its end, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(runs_dir), json.dumps(body)],
        env={**os.environ, **env}, capture_output=True, text=True, timeout=700,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_command_that_is_named_at_the_end_finds_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_wandb(monkeypatch, tmp_path)
    store(tmp_path / "runs", "s", 1, mode="offline")
    file = tmp_path / "sweep.yaml"
    file.write_text(to_yaml(finished("s", mode="offline")))
    done = CliRunner().invoke(cli, ["run", str(file), "--runs-dir", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    assert f"sweep sync s --runs-dir {tmp_path / 'runs'}\n" in done.output


def test_a_sweep_whose_results_are_not_in_wandb_has_its_own_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_wandb(monkeypatch, tmp_path)  # no API key
    store(tmp_path / "runs", "s", 1)
    file = tmp_path / "sweep.yaml"
    file.write_text(to_yaml(finished("s")))
    done = CliRunner().invoke(cli, ["run", str(file), "--runs-dir", str(tmp_path / "runs")])
    assert "1 finished run is not in W&B yet (no W&B API key found" in done.output
    assert done.exit_code == 3


def test_sync_reports_why_runs_are_missing(
    tmp_path: Path, wandb_env: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, "s", 1)
    wandb_env.stop()
    done = CliRunner().invoke(cli, ["sync", "s", "--runs-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "0 of 1 finished runs are in W&B" in done.output
    assert "connection refused" in done.output
    unknown = CliRunner().invoke(cli, ["sync", "t", "--runs-dir", str(tmp_path)])
    assert (unknown.exit_code, "known are s" in unknown.output) == (2, True)


def test_sync_to_a_place_that_cannot_be(tmp_path: Path, wandb_env: WandbServer) -> None:
    """Nothing is sent, and what is known of the right place is kept."""
    state = store(tmp_path, "s", 1)

    def sync(*options: str) -> Result:
        return CliRunner().invoke(cli, ["sync", "s", "--runs-dir", str(tmp_path), *options])

    refused = sync("--project", "a/b")
    assert refused.exit_code == 2
    assert "spec.tracking.wandb.project: 'a/b'" in refused.output
    assert wandb_env.requests() == []
    assert sync().exit_code == 0
    config = (tmp_path / "s" / "config.yaml").read_text()
    for options in (["--project", "other"], ["--entity", "other"]):
        refused = sync(*options)
        assert refused.exit_code == 2
        assert "s: 1 run is already in acme/sweeps" in refused.output
    assert sync("--project", "sweeps", "--entity", "acme").exit_code == 0
    assert (tmp_path / "s" / "config.yaml").read_text() == config
    assert all(r.delivered for r in stored_runs(state))


@pytest.mark.parametrize(
    ("tracking", "imported"),
    [({"wandb": {"mode": "disabled"}}, False), ({"wandb": {"project": "p"}}, True)],
    ids=["disabled", "online"],
)
def test_disabled_imports_no_wandb_in_any_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracking: dict[str, Any], imported: bool
) -> None:
    clear_wandb(monkeypatch, tmp_path)
    fake, marker = tmp_path / "path", tmp_path / "imported"
    fake.mkdir()
    (fake / "wandb.py").write_text(f"open({str(marker)!r}, 'w').close()\nraise ImportError('not here')\n")
    _run(tmp_path / "runs", manifest("s", tracking=tracking), PYTHONPATH=str(fake))
    assert marker.exists() == imported


async def test_the_key_is_sent_only_to_allowed_servers(tmp_path: Path, wandb_env: WandbServer) -> None:
    """Neither the operator nor its pods: the sweep goes on, and says what to do."""
    script = 'env | grep ^WANDB_ > "$SWEEP_RUN_DIR/env.txt"; ' + manifest()["spec"]["train"]["command"][2]
    with WandbServer() as thief:
        wandb = {"entity": "acme", "baseURL": thief.url, "apiKeySecret": {"name": "wandb"}}
        body = manifest("s", tracking={"wandb": wandb}, train={"command": ["sh", "-c", script]})
        config = with_own_account(OperatorConfig(), {"WANDB_BASE_URL": wandb_env.url})
        async with LocalSession(tmp_path, body, config=config) as running:
            sweep, runs = await until(running, lambda *_: running.done() and not running.delivering())
        assert thief.requests(otel=True) == []
    assert wandb_env.requests() == []
    assert all(r.succeeded for r in runs)
    condition = find_condition(sweep.status.conditions, "TrackingSynced")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "BaseURLNotAllowed")
    for remedy in ("spec.tracking.wandb.baseURL", wandb_env.url, "wandbBaseUrls"):
        assert remedy in condition.message
    for run in runs:
        seen = (tmp_path / "s" / "runs" / run.name / "env.txt").read_text()
        assert "WANDB_MODE=offline" in seen
        assert thief.url not in seen
