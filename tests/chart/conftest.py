"""The tests in this directory need helm."""

from __future__ import annotations

import shutil

import pytest

from tests.cluster.binaries import Missing, find
from tests.cluster.fixtures import cannot_run


@pytest.fixture(autouse=True, scope="session")
def helm() -> None:
    """Skip without helm; in CI fail."""
    if shutil.which("helm"):
        return
    try:
        find(("helm",))
    except Missing as missing:
        cannot_run(missing)
