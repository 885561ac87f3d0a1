"""Fixtures for every test that needs W&B."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wandb_stub.server import WandbServer


@pytest.fixture
def wandb_server() -> Iterator[WandbServer]:
    """A W&B server with one key (``server.KEY``) that may write to entity "acme"."""
    with WandbServer() as server:
        yield server
