"""Observations from what a warm start names: the runs of a Sweep, or the JSON lines of a ConfigMap."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import WarmStart, WarmStartSource
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.summary import observation
from sweep_operator.engine.ports import HistoryUnreadable
from sweep_operator.kube.protocol import Kind, Kube, KubeError, Object


async def read_sources(
    warm_start: WarmStart, read_one: Callable[[WarmStartSource], Awaitable[list[Observation]]]
) -> list[Observation]:
    """Observations of all sources, newest first. What one source lacks does not keep the others back.

    Raises HistoryUnreadable, with what could be read, when any of them could not.
    """
    rows: list[Observation] = []
    problems: list[HistoryUnreadable] = []
    for source in reversed(warm_start.from_):
        try:
            rows += await read_one(source)
        except HistoryUnreadable as problem:
            problems.append(problem)
    rows = rows[: warm_start.max_observations]
    if problems:
        text = "; ".join(map(str, problems))
        raise HistoryUnreadable(text, readable=rows, lasting=all(p.lasting for p in problems))
    return rows


def of_runs(objects: Iterable[Object]) -> list[Observation]:
    """What was learned from SweepRuns, newest first. Raises InvalidObject."""
    runs = [parse(SweepRun, o) for o in objects]
    runs.sort(key=lambda r: (r.metadata.creation_timestamp is None, r.metadata.creation_timestamp, r.name))
    return [o for r in reversed(runs) if (o := observation(r)) is not None]


async def read_config_map(kube: Kube, namespace: str, name: str) -> list[Observation]:
    """All keys of the ConfigMap one after the other; newest first. Raises HistoryUnreadable."""
    try:
        obj = await kube.get(Kind.CONFIG_MAP, namespace, name)
    except KubeError as error:
        raise HistoryUnreadable(f"ConfigMap {name!r}: {error}") from error
    return read_rows("\n".join((obj.get("data") or {}).values()), f"ConfigMap {name!r}")


def read_rows(text: str, where: str) -> list[Observation]:
    """JSON lines ``{"parameters": {...}, "score": 1.0, "cost": 2.0}``, oldest first; returned newest first."""
    rows: list[Observation] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows.append(
                Observation(
                    dict(row["parameters"]), row.get("score"), row.get("cost"), bool(row.get("isFailure", False))
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise HistoryUnreadable(f"{where}, line {number}: is no observation: {error}") from None
    return rows[::-1]
