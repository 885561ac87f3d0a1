"""The fixture ``cluster``: one cluster per session; every test has a namespace of its own in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol, TypeVar

import pytest

from tests.cluster.binaries import Missing
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Kubectl
from tests.cluster.operator_process import Operator
from tests.cluster.rights import check_nothing_was_denied

_NO_CLUSTER = "NO TEST CLUSTER"


class _Startable(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


C = TypeVar("C", bound=_Startable)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Skips where the binaries are missing; in CI that is a failure. At the end: no operator was denied anything."""
    with started(lambda: Cluster(tmp_path_factory.mktemp("cluster"))) as made:
        yield made
        check_nothing_was_denied(made)


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A fresh namespace."""
    return cluster.namespace()


@pytest.fixture
def operator(cluster: Kubectl, namespace: str) -> Iterator[Operator]:
    """Running, for the test's namespace alone."""
    with Operator(cluster, namespace) as made:
        yield made


@pytest.fixture(scope="module")
def shared(cluster: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Running for all tests of a module, in one namespace. It is told that Kueue is there."""
    config = tmp_path_factory.mktemp("operator") / "config.yaml"
    config.write_text("kueue: true\nlostNodeSeconds: 3\n")
    with Operator(cluster, cluster.namespace(), f"--config={config}") as made:
        yield made


@contextmanager
def started(make: Callable[[], C]) -> Iterator[C]:
    """The cluster that ``make`` makes, while the block runs. Where it cannot be had, the test is not run."""
    try:
        made = make()
    except Missing as missing:
        cannot_run(missing)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def cannot_run(missing: Missing) -> NoReturn:
    """Skip the test; in CI fail it."""
    text = f"{_NO_CLUSTER}: {missing}"
    if os.environ.get("CI"):
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, at the end, which tests did not run, and record them for the last line of ``make test``."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    if os.environ.get("SWEEP_TESTS_SKIPPED") and "PYTEST_XDIST_WORKER" not in os.environ:
        with open(os.environ["SWEEP_TESTS_SKIPPED"], "a", encoding="utf-8") as file:
            file.writelines(f"{reason}\n" for reason in reasons if _NO_CLUSTER in reason)
    for reason in sorted({r.removeprefix("Skipped: ") for r in reasons if _NO_CLUSTER in r}):
        count = sum(reason in r for r in reasons)
        terminalreporter.write_line(f"{count} tests skipped: {reason}", red=True, bold=True)
