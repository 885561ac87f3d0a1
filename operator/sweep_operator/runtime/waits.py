"""How long runs have waited to start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.domain.conditions import condition_of, run_reason
from sweep_operator.domain.times import parse_time
from sweep_operator.kube.protocol import Object

RUNNING = ("Training", "Evaluating")


def longest_waits(runs: Iterable[Object], jobs: Iterable[Object], now: datetime) -> dict[tuple[str, str], float]:
    """Longest wait in seconds, by namespace and state, of runs that are neither finished nor running.

    A run waits since the creation of its newest Job, or since its own creation if it has no Job.
    """
    raised: dict[tuple[str, str], datetime] = {}
    for job in jobs:
        run = (job["metadata"].get("labels") or {}).get(RUN_LABEL)
        created = parse_time(job["metadata"].get("creationTimestamp"))
        if run is not None and created is not None:
            place = (job["metadata"].get("namespace", ""), run)
            raised[place] = max(created, raised.get(place, created))
    waits: dict[tuple[str, str], float] = {}
    for run in runs:
        meta, state = run["metadata"], run_reason(run)
        if state in RUNNING or condition_of(run, "Succeeded").get("status") in ("True", "False"):
            continue
        namespace = meta.get("namespace", "")
        since = raised.get((namespace, meta["name"])) or parse_time(meta.get("creationTimestamp")) or now
        seconds = max(0.0, (now - since).total_seconds())
        waits[namespace, state] = max(seconds, waits.get((namespace, state), 0.0))
    return waits
