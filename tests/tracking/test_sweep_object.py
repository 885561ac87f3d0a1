"""The W&B sweep: found before it is made, made once whatever happens to the answer."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from sweep_operator.tracking.child import DeliveryChild
from sweep_operator.tracking.messages import Line, Parcel, Patience, SweepCard
from tests.wandb_stub.server import WandbServer

PATIENCE = Patience(request=1.5, open=5, finish=5)


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
async def child(wandb_env: WandbServer) -> AsyncIterator[DeliveryChild]:
    made = DeliveryChild(run_seconds=20, environ=os.environ)
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
        wandb_env.faults.add(fault, "UpsertSweep", code=502, seconds=20)  # type: ignore[arg-type]
        lost = await deliver(child, wandb_env, parcel(fault, "uid-2"))
        assert lost.trouble is not None, fault
        assert not lost.trouble.permanent
        await deliver(child, wandb_env, parcel(fault, "uid-2"))
        assert len([s for s in wandb_env.sweeps() if s.display_name == fault]) == 1, f"{fault}: the lost answer"

    wandb_env._state.sweep_methods = frozenset({"random", "grid", "bayes"})  # W&B may not know custom
    await deliver(child, wandb_env, parcel("plain", "uid-3"))
    assert [(s.method, s.controller) for s in wandb_env.sweeps()][-1] == ("random", '{"type": "local"}')
