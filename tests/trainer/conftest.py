"""The trainer is a directory of programs, not an installed package: the tests import it from there."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "images" / "trainer"))


@pytest.fixture
def signals_restored() -> Iterator[None]:
    """train.py takes SIGTERM and SIGINT over; the test process gets them back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def tiny() -> list[str]:
    """Overrides for a training of a second: a small network, four rollouts of 64 steps."""
    return [
        "trainer.total_timesteps=256",
        "trainer.n_envs=4",
        "trainer.n_steps=16",
        "trainer.batch_size=32",
        "trainer.n_epochs=2",
        "trainer.hidden_size=8",
        "trainer.checkpoint_interval=64",
    ]
