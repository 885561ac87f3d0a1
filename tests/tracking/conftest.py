"""What every test of tracking needs: an environment without the machine's own W&B settings, and a server to talk to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.local.tracking import with_own_account
from sweep_operator.tracking.delivery import offer
from tests.wandb_stub.fixtures import unset_wandb
from tests.wandb_stub.server import KEY, WandbServer


@pytest.fixture
def wandb_env(wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WandbServer:
    """The environment of a user who is logged in to the test server."""
    clear_wandb(monkeypatch, tmp_path)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setattr(offer, "FIRST_RETRY", 0.2)
    return wandb_server


def clear_wandb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unset_wandb(monkeypatch)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))  # no login of this machine


@pytest.fixture
def quick(wandb_env: WandbServer) -> OperatorConfig:
    """Without a limit of rate."""
    return with_own_account(OperatorConfig(wandb_runs_per_minute=1e6), os.environ)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """No delivery process and no wandb-core outlives a test."""
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    yield
    left = {p: _name(p) for p in psutil.Process().children(recursive=True) if p.pid not in before}
    ours = [p for p, name in left.items() if "wandb" in name or "sweep_operator.tracking" in name]
    _, alive = psutil.wait_procs(ours, timeout=30)  # one that was killed takes a moment to end
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert not [left[p] for p in alive]


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
