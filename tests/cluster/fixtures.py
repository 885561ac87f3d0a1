"""The fixture ``cluster``: one cluster per session, on one worker; every test has a namespace of its own in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.cluster.binaries import Missing
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Kubectl
from tests.cluster.operator_process import Operator

_NO_CLUSTER = "NO TEST CLUSTER"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Skips where the binaries are missing; in CI that is a failure."""
    try:
        made = Cluster(tmp_path_factory.mktemp("cluster"))
    except Missing as missing:
        cannot_run(missing)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A fresh namespace."""
    return cluster.namespace()


@pytest.fixture
def operator(cluster: Kubectl, namespace: str) -> Iterator[Operator]:
    """Running, for the test's namespace alone."""
    made = Operator(cluster, namespace)
    try:
        yield made.start()
    finally:
        made.kill()


def cannot_run(missing: Missing) -> NoReturn:
    """Skip the test; in CI fail it."""
    text = f"{_NO_CLUSTER}: {missing}"
    if os.environ.get("CI"):
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, where nobody can miss it, which tests did not run."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    for reason in sorted({r.removeprefix("Skipped: ") for r in reasons if _NO_CLUSTER in r}):
        count = sum(reason in r for r in reasons)
        terminalreporter.write_line(f"{count} tests skipped: {reason}", red=True, bold=True)


@pytest.hookimpl(wrapper=True)  # xdist reads the groups in the same hook, first of all
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tests of the cluster on one worker, and first: they wait more than they compute."""
    needs = [item for item in items if "cluster" in getattr(item, "fixturenames", ())]
    for item in needs:
        item.add_marker(pytest.mark.xdist_group("cluster"))
    rest = [item for item in items if item not in set(needs)]
    items[:] = [*needs, *rest]
    return (yield)
