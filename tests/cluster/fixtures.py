"""The fixture ``cluster``: one cluster per session, on one worker; every test has a namespace of its own in it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.binaries import Missing
from tests.cluster.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Skips where the binaries are missing; in CI that is a failure."""
    try:
        made = Cluster(tmp_path_factory.mktemp("cluster"))
    except Missing as missing:
        text = f"NO TEST CLUSTER: {missing}"
        if os.environ.get("CI"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A fresh namespace."""
    return cluster.namespace()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the cluster on one worker, and first: they wait more than they compute."""
    needs = [item for item in items if "cluster" in getattr(item, "fixturenames", ())]
    for item in needs:
        item.add_marker(pytest.mark.xdist_group("cluster"))
    rest = [item for item in items if item not in set(needs)]
    items[:] = [*needs, *rest]
