"""Observations from the sources of a warm start, converted to the parameters and metric of the new Sweep."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.decide.plan import Observation
from sweep_operator.engine.ports import WarmStartRows, WarmStartUnreadable
from sweep_operator.exchange.files import rows_of_bytes
from sweep_operator.exchange.fit import Names, fit
from sweep_operator.exchange.of_runs import rows_of
from sweep_operator.exchange.row import Row, RowsInvalid
from sweep_operator.kube.protocol import Kind, Kube, KubeError, Object

MAX_NOTES = 3
"""Notes about one source that a condition shows."""


async def read_sources(
    sweep: Sweep, warm_start: WarmStart, read_one: Callable[[WarmStartSource], Awaitable[list[Row]]]
) -> WarmStartRows:
    """Observations of all sources, newest first. An unreadable source does not block the others.

    ``read_one`` returns a source's rows, newest first. Raises WarmStartUnreadable, with the readable observations, if
    any source is unreadable.
    """
    observations: list[Observation] = []
    notes: list[str] = []
    problems: list[WarmStartUnreadable] = []
    for source in reversed(warm_start.from_):
        try:
            rows = await read_one(source)
        except WarmStartUnreadable as problem:
            problems.append(problem)
            continue
        fitted = fit(rows, sweep, Names(source.parameters, source.metric, source.cost))
        if fitted.unused:
            text = f"none of its {fitted.unused} successful runs can be used: {_shown(fitted.texts())}"
            problems.append(WarmStartUnreadable(f"{source.title}: {text}", lasting=True))
            continue
        learned = [o for row in fitted.rows if (o := row.observation) is not None]
        observations += learned[: warm_start.max_observations - len(observations)]
        notes += [f"{source.title}: {_shown(fitted.texts())}"] if fitted.findings else []
    if problems:
        text = "; ".join(map(str, problems))
        raise WarmStartUnreadable(text, readable=observations, lasting=all(p.lasting for p in problems))
    return WarmStartRows(tuple(observations), tuple(notes))


def _shown(texts: list[str]) -> str:
    more = [f"and {len(texts) - MAX_NOTES} more"] if len(texts) > MAX_NOTES else []
    return "; ".join([*texts[:MAX_NOTES], *more])


def rows_of_objects(obj: Object, runs: Iterable[Object]) -> list[Row]:
    """The runs of another Sweep, newest first. Raises InvalidObject."""
    other = parse(Sweep, obj)
    parsed = [parse(SweepRun, run) for run in runs]
    parsed = [r for r in parsed if r.spec.sweep_name == other.name]
    parsed.sort(key=lambda r: (r.metadata.creation_timestamp is None, r.metadata.creation_timestamp, r.name))
    return rows_of(other, parsed[::-1])


async def read_config_map(kube: Kube, namespace: str, name: str) -> list[Row]:
    """Rows of all keys of the ConfigMap in order, newest first. Raises WarmStartUnreadable."""
    where = f"ConfigMap {name!r}"
    try:
        obj = await kube.get(Kind.CONFIG_MAP, namespace, name)
    except KubeError as error:
        raise WarmStartUnreadable(f"{where}: {error}") from error
    rows: list[Row] = []
    for key, text in (obj.get("data") or {}).items():
        rows += read_bytes(text.encode(), f"{where}, {key}", key)
    for key, data in (obj.get("binaryData") or {}).items():
        rows += read_bytes(base64.b64decode(data), f"{where}, {key}", key)
    if not rows:
        command = f"kubectl create configmap {name} --from-file=runs.csv"
        raise WarmStartUnreadable(f"{where}: has no data; create it with {command}")
    return rows[::-1]


def read_bytes(content: bytes, where: str, name: str) -> list[Row]:
    """Rows of a file, plain or gzip, oldest first. Raises WarmStartUnreadable."""
    try:
        return rows_of_bytes(content, where, name)
    except RowsInvalid as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        raise WarmStartUnreadable(error.problems[0] + more) from None
