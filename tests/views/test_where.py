"""Conditions of `best-params --where`."""

from __future__ import annotations

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.errors import ConfigError
from sweep_operator.views.where import satisfying


def run(index: int, score: float, cost: float | None, **metrics: float) -> SweepRun:
    status = {"score": score, "metrics": metrics, **({} if cost is None else {"cost": cost})}
    return parse(SweepRun, {"metadata": {"name": f"s.r.{index}"}, "spec": {"sweepName": "s"}, "status": status})


RUNS = [run(0, 0.9, 10, latency=80), run(1, 0.7, None, latency=50), run(2, 0.6, 30)]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("latency<50", None),
        ("latency <= 50", [1]),
        ("latency>5e1", [0]),
        ("latency>=50", [0, 1]),
        ("score<0.7", [2]),
        ("cost<=30", [0, 2]),
    ],
)
def test_conditions(condition: str, kept: list[int] | None) -> None:
    if kept is None:
        with pytest.raises(ConfigError, match="holds for no run; the nearest value is 50"):
            satisfying(condition, RUNS)
    else:
        assert [r.name for r in satisfying(condition, RUNS)] == [f"s.r.{index}" for index in kept]


@pytest.mark.parametrize(
    "condition", ["latency", "latency=50", "latency<", "<50", "latency<fast", "a<1<2", "a<nan", ""]
)
def test_what_is_not_a_condition(condition: str) -> None:
    with pytest.raises(ConfigError, match="is not a condition; write METRIC<NUMBER"):
        satisfying(condition, RUNS)


def test_an_unknown_metric_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no run has a metric 'memory'; they have cost, latency, score"):
        satisfying("memory<1", RUNS)
