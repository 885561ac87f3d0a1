"""When the process asks to be restarted, and when not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.runtime.health import Health
from sweep_operator.runtime.warm_start_sources import ClusterWarmStart
from sweep_operator.sandbox.tasks import InProcess
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.tracking.history.warm_start import WandbSources

AUDIT, STUCK = 300.0, 600.0


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("changes", "waited", "expected"),
    [
        ({}, 0, None),
        ({"leading": True, "last_audit": 0.0}, AUDIT + STUCK, None),
        ({"leading": True, "last_audit": 0.0}, AUDIT + STUCK + 1, "the last resync was 901 s ago"),
        ({"last_audit": 0.0}, AUDIT + STUCK + 1, None),  # not leading: nothing is audited
        ({"optimizer_overdue": lambda: STUCK}, 0, None),
        ({"optimizer_overdue": lambda: STUCK + 1}, 0, "the optimizer has exceeded its time limit by 601 s"),
    ],
)
def test_which_problems_fail_the_liveness_probe(changes: dict[str, Any], waited: float, expected: str | None) -> None:
    clock = Clock()
    kube = EmbeddedKube(None, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    settings = Settings(config=OperatorConfig(), now=lambda: datetime.now(UTC), monotonic=clock)
    engine = Engine(
        kube, OptimizerPool(), ClusterWarmStart(kube, WandbSources(OperatorConfig()), InProcess()), settings
    )
    health = Health(engine, clock, AUDIT, stuck_seconds=STUCK, **changes)
    clock.seconds = waited
    assert health.problems() == ([] if expected is None else [expected])
    engine.queue.add(("default", "s"))
    clock.seconds = waited + STUCK + 1
    assert "a Sweep has waited for 601 s: the reconcile loop is stuck" in health.problems()


def test_an_idle_optimizer_is_not_overdue() -> None:
    assert OptimizerPool(time_limit=0.0).overdue == 0.0
