"""Puts the checkout's root on the path, so that ``tests.builders`` can be imported from every test folder."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# A busy machine is no failure: Hypothesis would assert 200 ms per example.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

pytest_plugins = ["tests.cluster.fixtures", "tests.wandb_stub.fixtures"]
