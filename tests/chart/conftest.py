"""These tests need the command helm."""

from __future__ import annotations

import shutil

import pytest

from tests.cluster.binaries import Missing, find
from tests.cluster.fixtures import cannot_run


@pytest.fixture(autouse=True, scope="session")
def helm() -> None:
    """Skips where it is missing; in CI that is a failure."""
    if shutil.which("helm"):
        return
    try:
        find(("helm",))
    except Missing as missing:
        cannot_run(missing)
