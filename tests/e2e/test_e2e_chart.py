"""The chart on a real node: installed, tested, upgraded in the middle of a sweep, uninstalled, installed again."""

from __future__ import annotations

from tests.cluster.chart import Release
from tests.cluster.kubectl import Kubectl


def test_the_chart_tests_itself(cluster: Kubectl, operator: Release) -> None:
    said = operator.test()
    assert "/readyz answers" in said
    assert "/metrics answers" in said
