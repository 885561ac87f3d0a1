"""Puts the checkout's root on the path, so that ``tests.builders`` can be imported from every test folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

pytest_plugins = ["tests.cluster.fixtures", "tests.wandb_stub.fixtures"]
