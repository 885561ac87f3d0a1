"""Observations from the sources of a warm start, converted to the parameters and metric of the new Sweep."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from sweep_operator.api.status import SweepStatus
from sweep_operator.api.stored import read
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
from sweep_operator.sandbox.tasks import Evaluator, Fit, Refused

FILE_SECONDS = 10.0
"""Time limit for reading one file."""
MAX_NOTES = 3
"""Notes about one source that a condition shows."""


@dataclass(frozen=True)
class Learned:
    """The observations of one source, newest first, and notes about unusable rows."""

    observations: Sequence[Observation]
    texts: Sequence[str] = ()
    unused: int = 0
    """Number of successful runs, if none of them can be used."""


def learned_of(rows: Iterable[Row], sweep: Sweep, source: WarmStartSource) -> Learned:
    """Convert rows, newest first."""
    fitted = fit(rows, sweep, Names(source.parameters, source.metric, source.cost))
    return Learned(fitted.observations(), fitted.texts(), fitted.unused)


async def read_sources(
    warm_start: WarmStart, read_one: Callable[[WarmStartSource], Awaitable[Learned]]
) -> WarmStartRows:
    """Observations of all sources, newest first. An unreadable source does not block the others.

    Raises WarmStartUnreadable, with the readable observations, if any source is unreadable.
    """
    observations: list[Observation] = []
    notes: list[str] = []
    problems: list[WarmStartUnreadable] = []
    for source in reversed(warm_start.from_):
        try:
            learned = await read_one(source)
        except WarmStartUnreadable as problem:
            problems.append(problem)
            continue
        shown = _shown(learned.texts)
        if learned.unused:
            text = f"{source.title}: none of its {learned.unused} successful runs can be used: {shown}"
            problems.append(WarmStartUnreadable(text, lasting=True))
            continue
        observations += learned.observations[: warm_start.max_observations - len(observations)]
        notes += [f"{source.title}: {shown}"] if shown else []
    if problems:
        text = "; ".join(map(str, problems))
        raise WarmStartUnreadable(text, readable=observations, lasting=all(p.lasting for p in problems))
    return WarmStartRows(tuple(observations), tuple(notes))


def _shown(texts: Sequence[str]) -> str:
    more = [f"and {len(texts) - MAX_NOTES} more"] if len(texts) > MAX_NOTES else []
    return "; ".join([*texts[:MAX_NOTES], *more])


def rows_of_objects(obj: Object, runs: Iterable[Object]) -> list[Row]:
    """The runs of another Sweep, newest first. Raises InvalidObject."""
    other = read(Sweep, obj)
    parsed = [read(SweepRun, run) for run in runs]
    parsed = [r for r in parsed if r.spec.sweep_name == other.name]
    parsed.sort(key=lambda r: (r.metadata.creation_timestamp is None, r.metadata.creation_timestamp, r.name))
    return rows_of(other, parsed[::-1])


async def read_config_map(
    kube: Kube, evaluator: Evaluator, sweep: Sweep, warm_start: WarmStart, source: WarmStartSource
) -> Learned:
    """Observations of all keys of ``source.configMap``, newest first. Raises WarmStartUnreadable."""
    namespace, name = sweep.metadata.namespace, source.config_map or ""
    where = f"ConfigMap {name!r}"
    try:
        obj = await kube.get(Kind.CONFIG_MAP, namespace, name)
    except KubeError as error:
        raise WarmStartUnreadable(f"{where}: {error}") from error
    files = {key: base64.b64encode(text.encode()).decode() for key, text in (obj.get("data") or {}).items()}
    files |= obj.get("binaryData") or {}
    if not files:
        command = f"kubectl create configmap {name} --from-file=runs.csv"
        raise WarmStartUnreadable(f"{where}: has no data; create it with {command}")
    observations: list[Observation] = []
    texts: list[str] = []
    unused = 0
    for key, content in reversed(files.items()):
        task = Fit(
            content=content,
            where=f"{where}, {key}",
            name=key,
            sweep=sweep.with_(status=SweepStatus()),
            parameters=source.parameters,
            metric=source.metric,
            cost=source.cost,
            limit=warm_start.max_observations,
        )
        try:
            answer = await evaluator.evaluate(namespace, task, FILE_SECONDS)
        except Refused as error:
            raise WarmStartUnreadable(f"{where}, {key}: reading it was canceled: {error}", lasting=True) from None
        if answer.error is not None:
            raise WarmStartUnreadable(answer.error)
        observations += [o.observation for o in answer.observations]
        texts += answer.notes
        unused += answer.unused
    return Learned(observations, texts, 0 if any(o.score is not None for o in observations) else unused)


def read_bytes(content: bytes, where: str, name: str) -> list[Row]:
    """Rows of a file, plain or gzip, oldest first. Raises WarmStartUnreadable."""
    try:
        return rows_of_bytes(content, where, name)
    except RowsInvalid as error:
        raise WarmStartUnreadable(error.in_short()) from None
