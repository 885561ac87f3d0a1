"""Random schedules of faults and user actions over the whole engine, in virtual time. `make fuzz` runs many more."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import replay
from tests.fuzz.known import known
from tests.fuzz.schedule import run_schedule

SCHEDULES, PARTS = 240, 12
"""About a minute on two cores, in parts for pytest's processes."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_breaks_an_invariant(part: int) -> None:
    failures = []
    for seed in range(part, SCHEDULES, PARTS):
        report = run_schedule(seed)
        failures += [f"{violation}\n    {replay(seed)}" for violation in report.violations if not known(violation)]
    assert not failures, "\n".join(failures)


def test_a_schedule_follows_from_its_seed() -> None:
    first, again, other = (run_schedule(seed, tracing=True).trace for seed in (1, 1, 2))
    assert first == again
    assert first != other
