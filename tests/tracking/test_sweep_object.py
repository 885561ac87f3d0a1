"""The W&B sweep: found before it is made, made once whatever happens to the answer."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from sweep_operator.tracking.delivery.messages import Line, Parcel, Patience, RunCard, SweepCard
from sweep_operator.tracking.delivery.process import DeliveryChild
from tests.wandb_stub.offline import read
from tests.wandb_stub.server import WandbServer

PATIENCE = Patience(request=5, open=60, finish=60, read_back=1)


def parcel(name: str, uid: str) -> Parcel:
    config = {
        "name": name,
        "description": f"uid {uid}",
        "method": "custom",
        "metric": {"name": "score", "goal": "maximize"},
        "parameters": {"trainer.lr": {"distribution": "uniform", "min": 1e-05, "max": 1.0}},
        "controller": {"type": "local"},
    }
    card = SweepCard(uid=uid, display_name=name, config=config)
    return Parcel(entity="acme", project="p", group=name, sweep=card, runs=[], patience=PATIENCE)


@pytest.fixture
async def child(
    wandb_env: WandbServer, wandb_sdk: Path | None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DeliveryChild]:
    """With the newest SDK, and with the oldest that is supported."""
    if wandb_sdk is not None:
        monkeypatch.syspath_prepend(str(wandb_sdk))  # the child's path is this process's
    made = DeliveryChild(run_seconds=120, environ=os.environ)
    yield made
    await made.close()


async def deliver(child: DeliveryChild, server: WandbServer, what: Parcel) -> Line:
    """The last thing that was said."""
    return [line async for line in child.deliver(server.url, what)][-1]


async def test_made_once(wandb_env: WandbServer, child: DeliveryChild) -> None:
    other = wandb_env.add_sweep("acme/p", "{name: s, method: random, parameters: {x: {values: [1]}}}", "s")
    first = await deliver(child, wandb_env, parcel("s", "uid-1"))
    assert first.sweep_id not in (None, other.name), "the name alone does not make it ours"
    assert first.url == f"{wandb_env.url}/acme/p/sweeps/{first.sweep_id}"
    again = await deliver(child, wandb_env, parcel("s", "uid-1"))
    assert again.sweep_id == first.sweep_id, "found, by our uid in its description"
    for fault in ("commit-drop", "commit-status", "commit-hang"):
        wandb_env.faults.add(fault, "UpsertSweep", code=502, seconds=120)  # type: ignore[arg-type]
        lost = await deliver(child, wandb_env, parcel(fault, "uid-2"))
        assert lost.trouble is not None, fault
        assert not lost.trouble.permanent
        await deliver(child, wandb_env, parcel(fault, "uid-2"))
        assert len([s for s in wandb_env.sweeps() if s.display_name == fault]) == 1, f"{fault}: the lost answer"
    gone = parcel("gone", "uid-4").with_(runs=[card(0)])
    gone = gone.with_(sweep=gone.sweep.with_(known_id="deleted1"))  # somebody has deleted it at W&B
    said = [line async for line in child.deliver(wandb_env.url, gone)]
    assert [line.trouble.permanent for line in said if line.trouble is not None] == [False]
    (new,) = [line.sweep_id for line in said if line.kind == "sweep"]
    gone = gone.with_(sweep=gone.sweep.with_(known_id=new))
    assert (await deliver(child, wandb_env, gone)).kind == "delivered"
    (made,) = [s for s in wandb_env.sweeps() if s.display_name == "gone"]
    assert [run.sweep for run in wandb_env.runs()] == [made.name]
    wandb_env._state.sweep_methods = frozenset({"random", "grid", "bayes"})
    await deliver(child, wandb_env, parcel("plain", "uid-3"))
    assert [(s.method, s.controller) for s in wandb_env.sweeps()][-1] == ("random", '{"type": "local"}')


async def test_both_versions_of_the_sdk_deliver(
    wandb_env: WandbServer, child: DeliveryChild, wandb_sdk: Path | None
) -> None:
    """A success, a failure, a refusal and a silent loss."""
    cards = [card(n) for n in range(4)]
    wandb_env.faults.add("status", "file_stream", times=2, holds="/s-1.r.2/")  # finish() reports success all the same
    deleted = wandb_env.add_run("acme/p/s-1.r.3")
    with wandb_env._state.lock:
        wandb_env._state.delete_run(wandb_env._state.runs_of("acme", "p")[0])
    said = [line async for line in child.deliver(wandb_env.url, parcel("s", "uid-1").with_(runs=cards))]
    assert {line.run for line in said if line.kind == "delivered"} == {"s-1.r.0", "s-1.r.1"}
    told = {line.run: line.trouble.permanent for line in said if line.trouble is not None}
    assert told == {"s-1.r.2": False, deleted.name: True}
    again = [line async for line in child.deliver(wandb_env.url, parcel("s", "uid-1").with_(runs=cards[:3]))]
    assert {line.run for line in again if line.kind == "delivered"} == {"s-1.r.0", "s-1.r.1", "s-1.r.2"}
    assert {line.run for line in again if line.kind == "began"} == {"s-1.r.2"}
    for n, run in enumerate(sorted(wandb_env.runs(), key=lambda r: r.name)):
        assert {k: v for k, v in run.summary.items() if k not in ("_wandb", "_runtime")} == cards[n].summary
        assert run.state == ("failed" if n == 1 else "finished")
        version = "0.31" if wandb_sdk is None else "0.28"
        assert run.config["_wandb"]["value"]["cli_version"].startswith(version)


async def test_both_versions_end_before_offline_files_are_called_written(
    wandb_env: WandbServer, child: DeliveryChild
) -> None:
    """The SDK's `finish` returns before its process has written the last bytes."""
    folder = Path(os.environ["NETRC"]).parent
    cards = [card(n) for n in range(3)]
    for runs in (cards[:1], cards):
        said = child.deliver(wandb_env.url, parcel("s", "uid-1").with_(runs=runs, folder=str(folder)))
        written = {
            line.run: Path(line.url or "") async for line in said if line.kind == "delivered" and not cores(child)
        }
        assert [read(written[made.id]).summary["score"] for made in runs] == [made.summary["score"] for made in runs]
        assert [read(written[made.id]).exit_code for made in runs] == [int(made.failed) for made in runs]
        assert sorted((folder / "wandb").iterdir()) == sorted(written.values()), "each once"
    assert not (folder / ".wandb-unfinished").exists()
    assert (await deliver(child, wandb_env, parcel("s", "uid-1").with_(runs=cards[:1]))).kind == "delivered", "online"
    assert cores(child), "the process is recognized"


def cores(child: DeliveryChild) -> list[psutil.Process]:
    """The SDK's own processes that the child has started and that still run."""
    assert child._process is not None
    below = psutil.Process(child._process.pid).children(recursive=True)
    return [found for found in below if found.name() == "wandb-core"]


def card(n: int) -> RunCard:
    summary = {"score": n / 3, "cost": 1.5, "protein.suggestion": {"a": {"b": 1e-05}}, "protein.state": "success"}
    config = {"a.b": 1e-05, "flag": True, "word": "1e-05"}
    return RunCard(id=f"s-1.r.{n}", uid=f"u{n}", name=f"s.r.{n}", config=config, summary=summary, failed=n == 1)
