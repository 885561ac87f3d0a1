"""Puts the checkout's root on the path, so that ``tests.builders`` can be imported from every test folder."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from hypothesis import settings

from sweep_operator.garbage import NEW_OBJECTS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# A busy machine is no failure: Hypothesis would assert 200 ms per example.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

pytest_plugins = ["tests.cluster.fixtures", "tests.wandb_stub.fixtures"]


def pytest_collection_finish() -> None:
    """Leave the modules out of garbage collections: they take a tenth of the time of tests in this process."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
