"""Deliveries through W&B's own SDK to the test server: each run once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition, find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.identity import wandb_run_id
from sweep_operator.kube.protocol import Kind
from sweep_operator.local import LocalSession
from sweep_operator.local.tracking import with_own_account
from sweep_operator.views.progress import tracking_lines
from tests.local.sweeps import until
from tests.tracking.finished import assert_each_once, manifest, store, stored_runs
from tests.wandb_stub.records import Account
from tests.wandb_stub.server import KEY, WandbServer


def synced(sweep: Sweep) -> Condition:
    found = find_condition(sweep.status.conditions, "TrackingSynced")
    assert found is not None
    return found


def all_delivered(sweep: Sweep, runs: list[SweepRun]) -> bool:
    return all(r.delivered for r in runs) and synced(sweep).status == "True"


def failed(sweep: Sweep, runs: list[SweepRun]) -> bool:
    return find_condition(sweep.status.conditions, "TrackingSynced") is not None and synced(sweep).status == "False"


def session(runs_dir: Path, config: OperatorConfig, name: str = "s", **wandb: Any) -> LocalSession:
    return LocalSession(runs_dir, manifest(name, **wandb), config=config)


@pytest.mark.slow
async def test_300_runs_through_400_faults(tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig) -> None:
    await asyncio.to_thread(store, tmp_path, "s", 300)
    faults = {
        "status-500": 150, "status-429": 90, "drop": 80, "commit-drop": 40, "garbage": 20, "commit-status-502": 20,
        "status-503": 20, "delay": 5, "hang": 3,
    }  # fmt: skip
    wandb_env.faults.add_random(1, faults, rate=0.17, seconds=4)
    async with session(tmp_path, quick) as running:
        async with asyncio.timeout(800):
            while not all_delivered(*running.view()):
                await running.changed(1)
        sweep, runs = running.view()
    injected = sum(wandb_env.faults.injected.values())
    assert injected >= 400, f"too few faults were met: {injected}"
    assert set(wandb_env.faults.injected) == set(faults)
    (shown,) = wandb_env.sweeps()
    assert_each_once(wandb_env.runs(), 300, shown.name)
    assert sweep.status.tracking is not None
    assert (sweep.status.tracking.wandb_sweep_id, sweep.status.tracking.delivered) == (shown.name, 300)
    assert {r.status.tracking.run_id for r in runs if r.status.tracking} == {wandb_run_id(sweep, r) for r in runs}
    assert not wandb_env.rejected()


async def test_a_write_per_run_and_few_of_the_sweep(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    await asyncio.to_thread(store, tmp_path, "s", 30)
    before = {r.name: int(r.metadata.resource_version) for r in await asyncio.to_thread(stored_runs, _state(tmp_path))}
    async with session(tmp_path, quick) as running:
        started = int((await running.kube.list(Kind.SWEEP)).resource_version)
        sweep, runs = await until(running, all_delivered)
        written = int((await running.kube.list(Kind.SWEEP)).resource_version) - started
    assert all(int(r.metadata.resource_version) > before[r.name] for r in runs)
    # A busy machine delivers them one by one, and the Sweep counts each.
    assert written <= 2 * len(runs) + 12, "one write per run, few of the sweep, and a handful of Events"
    (shown,) = wandb_env.sweeps()
    assert_each_once(wandb_env.runs(), 30, shown.name)
    config = yaml.safe_load((tmp_path / "s" / "config.yaml").read_text())
    assert config["wandb_sweep_id"] == shown.name
    assert shown.display_name == "s"
    assert sweep.metadata.uid in (shown.description or "")
    assert shown.method == "custom"


def _state(runs_dir: Path, name: str = "s") -> Path:
    return runs_dir / name / "state.db"


async def test_delivered_runs_are_not_written_again(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    """As after a kill between the delivery and its being written down."""
    state = await asyncio.to_thread(store, tmp_path, "s", 3)
    copy = state.read_bytes()
    async with session(tmp_path, quick) as running:
        await until(running, all_delivered)
    for file in state.parent.glob("state.db*"):
        file.unlink()
    state.write_bytes(copy)
    upserts = {run.name: run.upserts for run in wandb_env.runs()}
    async with session(tmp_path, quick) as running:
        await until(running, all_delivered)
    assert {run.name: run.upserts for run in wandb_env.runs()} == upserts, "nothing was sent again"
    assert len(wandb_env.sweeps()) == 1, "the sweep was found by its name and our uid in its description"


@pytest.mark.parametrize("seconds", [2, 8])
async def test_reads_that_are_late_write_nothing_twice(
    seconds: float, tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    """Also if reads fail at the end: a written run is read before it is written again."""
    wandb_env.make_lists_stale(seconds)
    wandb_env.faults.add("status", "Runs", skip=1, times=12)  # more than one parcel survives
    await asyncio.to_thread(store, tmp_path, "s", 4)
    async with session(tmp_path, quick) as running:
        await until(running, lambda *_: not running.delivering())
        await running.settle()
        sweep, runs = running.view()
    assert all_delivered(sweep, runs), synced(sweep).message
    assert_each_once(wandb_env.runs(), 4, wandb_env.sweeps()[0].name)
    # Written once, a run has two; a busy machine sends its config in two parts. Written twice, it has four.
    assert max(run.upserts for run in wandb_env.runs()) <= 3


async def test_a_run_that_hangs_does_not_keep_the_others_back(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    """The process is killed with wandb-core for it, and the run is tried again."""
    state = await asyncio.to_thread(store, tmp_path, "s", 4)
    hanging = next(r for r in await asyncio.to_thread(stored_runs, state) if r.spec.index == 2)
    wandb_env.faults.add("hang", "file_stream", times=None, seconds=300, holds=".r.2/")
    soon_tired = quick.with_(wandb_run_seconds=9)
    async with session(tmp_path, soon_tired) as running:
        _, runs = await until(
            running, lambda _, runs: sum(r.delivered for r in runs) == 3 and wandb_env.faults.injected["hang"] >= 2
        )
        assert [r.name for r in runs if not r.delivered] == [hanging.name]
        wandb_env.faults.clear()
        await until(running, all_delivered)
    assert_each_once(wandb_env.runs(), 4, wandb_env.sweeps()[0].name)


MENDED: list[tuple[Account, str, str]] = [
    (Account("z" * 86, entities={"other": "write"}), "KeyRefused", "WANDB_API_KEY"),
    (Account(KEY, entities={"acme": "read"}), "PermissionDenied", "spec.tracking.wandb"),
    (Account(KEY, entities={"other": "write"}), "ProjectNotFound", "spec.tracking.wandb"),
]


async def test_permanent_errors_are_reported_and_end_when_they_are_fixed(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    """An edit of the spec is taken for the mending: it is tried at once, not after the long pause."""
    await asyncio.to_thread(store, tmp_path, "s", 2)
    wandb_env.remove_account(KEY)
    async with session(tmp_path, quick) as running:
        for edit, (account, reason, remedy) in enumerate(MENDED, 1):
            wandb_env.add_account(account)
            await _touch(running, edit)
            sweep, _ = await until(running, lambda sweep, _, reason=reason: synced_for(sweep) == reason)
            assert remedy in synced(sweep).message
            assert not running.delivering(), "nobody waits for that"
        asked = len(wandb_env.requests())
        wandb_env.add_account(Account(KEY))
        await _touch(running, 0)
        await until(running, all_delivered)
    assert asked < 30, "it was not asked again and again"


def synced_for(sweep: Sweep) -> str | None:
    found = find_condition(sweep.status.conditions, "TrackingSynced")
    return found.reason if found is not None else None


async def _touch(running: LocalSession, edit: int) -> None:
    await running.kube.patch(Kind.SWEEP, "default", "s", {"spec": {"limits": {"maxFailedRuns": 100 + edit}}})


async def test_without_a_key(tmp_path: Path, quick: OperatorConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    await asyncio.to_thread(store, tmp_path, "s", 1)
    async with session(tmp_path, quick) as running:
        sweep, _ = await until(running, failed)
    assert synced(sweep).reason == "NoAPIKey"
    assert "WANDB_API_KEY" in synced(sweep).message


@pytest.mark.parametrize("key", ["short", KEY + "\n", f" {KEY}", "with spaces " * 5], ids=repr)
async def test_a_malformed_key_is_a_permanent_error(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The SDK refuses it before it asks anybody."""
    monkeypatch.setenv("WANDB_API_KEY", key)
    await asyncio.to_thread(store, tmp_path, "s", 1)
    async with session(tmp_path, quick) as running:
        sweep, _ = await until(running, failed)
    assert synced(sweep).reason == "KeyRefused"
    assert key.strip() not in synced(sweep).message
    assert wandb_env.requests() == []


async def test_an_invalid_server_address(
    tmp_path: Path, wandb_env: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "wandb.example.org")
    await asyncio.to_thread(store, tmp_path, "s", 1)
    async with session(tmp_path, with_own_account(OperatorConfig(), os.environ)) as running:
        sweep, _ = await until(running, failed)
    assert synced(sweep).reason == "BaseURLInvalid"
    assert "'wandb.example.org' is not a valid URL" in synced(sweep).message


async def test_without_the_sdk(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "path"
    blocker.mkdir()
    (blocker / "wandb.py").write_text("raise ModuleNotFoundError('No module named wandb')\n")
    monkeypatch.syspath_prepend(str(blocker))
    await asyncio.to_thread(store, tmp_path, "s", 1)
    async with session(tmp_path, quick) as running:
        sweep, _ = await until(running, failed)
    assert synced(sweep).reason == "WandbNotInstalled"
    assert "sweep-operator[wandb]" in synced(sweep).message


async def test_a_deleted_run_is_reported_and_the_others_are_delivered(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    """W&B gives no run id twice, even after its run was deleted."""
    state = await asyncio.to_thread(store, tmp_path, "s", 3)
    async with session(tmp_path, quick) as running:
        sweep, _ = running.view()
        wandb_env.add_run(f"acme/sweeps/{wandb_run_id(sweep, (await asyncio.to_thread(stored_runs, state))[0])}")
        with wandb_env._state.lock:
            wandb_env._state.delete_run(wandb_env._state.runs_of("acme", "sweeps")[0])
        sweep, runs = await until(running, failed)
    assert synced(sweep).reason == "RunRefused"
    assert [r.status.tracking.state for r in runs if r.status.tracking] == ["Refused", "Delivered", "Delivered"]
    assert "deleted" in (runs[0].status.tracking.error or "") if runs[0].status.tracking else False


async def test_the_server_is_dead_from_the_start_and_up_after_the_end(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    wandb_env.stop()
    body = manifest("s", apiKeySecret={"name": "wandb"})
    script = """printf '{"metrics": {"reward": %s}}' "$SWEEP_PARAM_TRAINER__LR" > "$SWEEP_RESULTS_FILE" """
    body["spec"] |= {"limits": {"maxRuns": 4, "maxParallelRuns": 2}, "train": {"command": ["sh", "-c", script]}}
    body["spec"]["method"] = "random"
    async with LocalSession(tmp_path, body, config=quick) as running:
        _, runs = await until(running, lambda *_: running.done())
        assert len(runs) == 4
        assert all(r.succeeded and not r.delivered for r in runs), "the sweep has ended without W&B"
        wandb_env.start()
        sweep, runs = await until(running, all_delivered)
    shown = {run.name: run.summary["score"] for run in wandb_env.runs()}
    assert shown == {wandb_run_id(sweep, r): r.status.score for r in runs}


async def test_imported_runs_are_not_delivered(tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig) -> None:
    """They are not delivered: `sweep run` would never end, and speak of them at its end."""
    await asyncio.to_thread(store, tmp_path, "s", 1)
    spec = {"sweepName": "s", "origin": "imported", "parameters": {"trainer.lr": 1e-3, "trainer.batch": 32}}
    imported = {
        "apiVersion": "metta.ai/v1alpha1",
        "kind": "SweepRun",
        "metadata": {"name": "s.i.0"},
        "spec": {**spec, "observation": {"score": 0.5}},
    }
    async with LocalSession(tmp_path, manifest("s"), config=quick, extras=[imported]) as running:
        sweep, runs = await until(
            running, lambda _, found: len(found) == 2 and all(r.terminal and (r.imported or r.delivered) for r in found)
        )
        assert not running.delivering()
    assert sweep.status.tracking is not None
    assert tracking_lines(sweep, runs) == [sweep.status.tracking.url]


async def test_values_that_w_and_b_changes_are_delivered_too(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig
) -> None:
    """It makes a double of every number, and has numbers of its own: none of that is a loss to be mended for ever."""
    body = manifest("s")
    big = 2**53 + 1
    body["spec"] |= {"method": "random", "fixed": {"seed": big, "name": "NaN", "wandb_version": 3, "_wandb": 1}}
    body["spec"]["parameters"]["trainer.depth"] = {"distribution": "categorical", "values": [big, big + 2]}
    metrics = {"reward": 0.5, "_step": 7, "_runtime": 1e6, "_timestamp": 3, "_wandb": 1, "big": big}
    script = f"""printf '%s' '{json.dumps({"metrics": metrics})}' > "$SWEEP_RESULTS_FILE" """
    body["spec"]["train"] = {"command": ["sh", "-c", script]}
    async with LocalSession(tmp_path, body, config=quick) as running:
        await until(running, lambda sweep, runs: runs and all_delivered(sweep, runs))
    (run,) = wandb_env.runs()
    assert (run.config["seed"]["value"], run.summary["big"]) == (float(big), float(big))
    assert run.upserts <= 4, "written once, or again after a delivery that a busy machine has ended"
