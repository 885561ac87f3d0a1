"""Sweeps of shell programs. Real processes that start in milliseconds stand in for containers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.local import LocalSession
from tests.builders import X, sweep_body

REPORT_X = """printf '{"metrics": {"reward": %s}}' "$SWEEP_PARAM_X" > "$SWEEP_RESULTS_FILE" """
PATIENCE = 300.0
"""Timeout in seconds. No test asserts on time."""


def sh(script: str) -> dict[str, Any]:
    return {"command": ["sh", "-c", script]}


def manifest(name: str = "s", **spec: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "method": "random",
        "seed": 1,
        "parameters": {"x": {**X, "mean": 0.25}},
        "limits": {"maxRuns": 3, "maxParallelRuns": 2},
        "perRun": {"retries": {"backoffSeconds": 0}},
        "train": sh(REPORT_X),
    }
    return sweep_body(name, **{**base, **spec})


async def until(session: LocalSession, condition: Any) -> tuple[Sweep, list[SweepRun]]:
    """Wait for ``condition(sweep, runs)``."""
    async with asyncio.timeout(PATIENCE):
        while not condition(*session.view()):
            await session.changed(0.2)
    return session.view()


async def finish(
    runs_dir: Path, body: dict[str, Any], extras: Sequence[dict[str, Any]] = ()
) -> tuple[Sweep, list[SweepRun]]:
    """Run a sweep to its end."""
    async with LocalSession(runs_dir, body, extras=extras) as session:
        return await until(session, lambda *_: session.done())


def end_of(sweep: Sweep) -> tuple[str, str]:
    condition = find_condition(sweep.status.conditions, "Succeeded")
    assert condition is not None
    return condition.status, condition.reason


def why(run: SweepRun) -> tuple[str, str]:
    assert run.status.failure is not None, run.status
    return run.status.failure.class_, run.status.failure.reason
