"""Fixtures for every test that needs W&B. Every session loads this file: the server is imported where it is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wandb_stub.server import WandbServer


def unset_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove this machine's W&B settings from the environment."""
    for name in [n for n in os.environ if n.startswith("WANDB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def no_wandb_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this machine's W&B settings."""
    unset_wandb(monkeypatch)


@pytest.fixture
def wandb_server() -> Iterator[WandbServer]:
    """A W&B server with one key (``server.KEY``) that may write to entity "acme"."""
    from tests.wandb_stub.server import WandbServer

    with WandbServer() as server:
        yield server


@pytest.fixture(scope="session")
def oldest_wandb() -> Path:
    """The folder of the oldest supported SDK, for ``sdk.environment(sdk=...)``. A test fails where it cannot be had."""
    from tests.wandb_stub.sdk import install_oldest

    return install_oldest()


@pytest.fixture(params=["newest", "oldest"], scope="session")
def wandb_sdk(request: pytest.FixtureRequest) -> Path | None:
    """Both versions of the SDK, for ``sdk.environment(sdk=...)``; None is the newest, this environment's own."""
    folder: Path | None = request.getfixturevalue("oldest_wandb") if request.param == "oldest" else None
    return folder
