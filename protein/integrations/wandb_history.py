"""Reads parameters, result and state of a run in Weights & Biases.

Runs of this optimizer report them in protein.* summary keys. Runs of Metta's sweep system report them in the summary
keys protein_observation and protein_suggestion. Runs of a plain W&B sweep report them in their config, their state and
a summary metric. ``read_run`` reads all three. All functions are pure and do not need the wandb package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from protein.searchspace.paths import flatten

RunState = Literal["success", "failure", "running", "defunct", "unscored"]
"""defunct: the run has no result and will not get one, because it stopped sending heartbeats or was stopped. unscored:
the run succeeded without reporting the metric."""
SILENCE = timedelta(minutes=5)
"""A running W&B process sends a heartbeat every few seconds. A run without one for this long is defunct."""

STATE, ERROR, FAILURE_CLASS = "protein.state", "protein.error", "protein.failure_class"
OBJECTIVE, COST = "protein.objective", "protein.cost"
SUGGESTION, FLAT_SUGGESTION, INFO = (
    "protein.suggestion",
    "protein.suggestion_flattened_items",
    "protein.suggestion_info",
)
LAST_REPORT = "protein.last_report"
"""The last value of the objective that a run reported which was stopped early."""
CREATED = "protein.created"
"""When the run was created. W&B's own time is that of its delivery, if the program does not use W&B."""
METTA_OBSERVATION, METTA_SUGGESTION = "protein_observation", "protein_suggestion"
"""Summary keys of Metta's sweep system: {suggestion, objective, cost, is_failure}, and the suggestion of a run that has
no result yet. Suggestions are nested."""

OWN_CONFIG = ("_wandb", "wandb_version")
"""Config keys of W&B itself: values sent under these names are never returned."""
_OPEN = ("running", "initializing")
_ALIVE = ("running", "pending")
"""W&B's own states of an unfinished run."""
_STATISTICS = ("last", "best", "min", "max", "mean", "first")
"""Values that W&B can keep of one metric, instead of its last one."""
_NOT_METRICS = ("_", "protein.", METTA_OBSERVATION, METTA_SUGGESTION)


@dataclass(frozen=True)
class HistoricalRun:
    """One interpreted W&B run.

    ``params``: its suggestion, flat, or else its config. ``objective`` and ``cost`` are finite or None.
    ``suggested``: whether ``params`` is a suggestion. ``origin``: why it was suggested, if known.
    """

    id: str
    state: RunState
    params: Mapping[str, Any]
    objective: float | None = None
    cost: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    failure_class: str = ""
    """Failure class that the operator assigned, or crash for a failure that only W&B knows; empty for other runs. See
    protein.analysis.failures."""
    last_report: float | None = None
    """The last objective that a failed run reported while it ran, if known."""
    cost_is_runtime: bool = False
    """Whether the cost is the run time in seconds from W&B, because the run reported no cost."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The full config of the run, flat."""
    suggested: bool = False
    origin: str | None = None
    created: str | None = None
    """ISO 8601, if the run reports it."""


@dataclass(frozen=True)
class WandbRecord:
    """One run as the W&B API returns it.

    ``state``: W&B's own state: running, finished, failed, crashed, killed, ... ``heartbeat``: ISO 8601, UTC if it has
    no offset.
    """

    id: str
    state: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    heartbeat: str | None


@dataclass(frozen=True)
class _Report:
    """What a run says about itself. ``state``: success, failure, running, initializing; None: it says nothing."""

    state: str | None
    suggestion: Mapping[str, Any]
    objective: float | None
    cost: float | None


def read_run(
    record: WandbRecord, now: datetime, *, metric: str = "score", objective: str | None = None, cost: str | None = None
) -> HistoricalRun:
    """Interpret one run.

    Args:
        record: the run.
        now: current time; a run without a heartbeat for SILENCE is defunct.
        metric: name of the objective of runs that do not report one themselves.
        objective: name of the objective of all runs. Overrides ``metric`` and what runs report.
        cost: name of the cost of all runs. Without it, the cost of a run that does not report one is the run time in
            seconds that W&B measured.

    Names are those of ``numbers_of``. The metrics of the result contain the named objective and cost.
    """
    summary = record.summary
    numbers, report = numbers_of(summary), _reported(summary)
    flat_config = flatten({k: v for k, v in record.config.items() if k not in OWN_CONFIG})
    found = numbers.get(objective) if objective is not None else report.objective
    state, score = _state(record, now, report, numbers.get(metric) if found is None and objective is None else found)
    failed = state == "failure"
    cost_value, is_runtime = _cost(report, numbers, cost)
    info = summary.get(INFO)
    origin = info.get("origin") if isinstance(info, Mapping) else None
    return HistoricalRun(
        id=record.id,
        state=state,
        params=report.suggestion or flat_config,
        objective=score if state == "success" else None,
        cost=cost_value,
        cost_is_runtime=is_runtime,
        metrics=_metrics(numbers, (objective, cost)),
        error=str(summary.get(ERROR) or "") if failed else "",
        failure_class=str(summary.get(FAILURE_CLASS) or ("crash" if report.state is None else "")) if failed else "",
        last_report=number(summary.get(LAST_REPORT)) if failed else None,
        config=flat_config,
        suggested=bool(report.suggestion),
        origin=origin if isinstance(origin, str) else None,
        created=created if isinstance(created := summary.get(CREATED), str) else None,
    )


def number(value: object) -> float | None:
    """The number in a summary value; summaries encode NaN and Infinity as strings. None for any other value."""
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value.replace("Infinity", "inf"))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def numbers_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """All numbers of a summary by name: ``a.b`` is the key ``a.b``, or else ``b`` inside ``a``.

    If W&B keeps statistics of a metric, such as ``loss: {min: 0.1, last: 0.4}``, they are ``loss.min`` and
    ``loss.last``, and ``loss`` is its last value, or else its only statistic.
    """
    found: dict[str, float] = {}
    _collect(summary, "", found)
    return {**found, **{k: n for k, v in summary.items() if (n := number(v)) is not None}}


def _collect(values: Mapping[str, Any], prefix: str, found: dict[str, float]) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and "_type" not in value:  # a value with _type is an image, a table, ...
            _collect(value, f"{name}.", found)
            known = [s for s in _STATISTICS if s in value]
            value = value[known[0]] if known and (len(value) == 1 or known[0] == "last") else None
        if (as_number := number(value)) is not None:
            found[name] = as_number


def _reported(summary: Mapping[str, Any]) -> _Report:
    """What the run reports, in either form. Where it uses both, protein.* keys win."""
    observation = summary.get(METTA_OBSERVATION)
    metta = observation if isinstance(observation, Mapping) else MappingProxyType({})
    metta_state = None
    if metta:
        metta_state = "failure" if metta.get("is_failure") else "success"
    elif isinstance(summary.get(METTA_SUGGESTION), Mapping):
        metta_state = "running"
    objective, cost = number(summary.get(OBJECTIVE)), number(summary.get(COST))
    return _Report(
        state=summary.get(STATE) or metta_state,
        suggestion=_suggestion(summary, metta),
        objective=number(metta.get("objective")) if objective is None else objective,
        cost=number(metta.get("cost")) if cost is None else cost,
    )


def _suggestion(summary: Mapping[str, Any], metta: Mapping[str, Any]) -> dict[str, Any]:
    items = summary.get(FLAT_SUGGESTION)
    pairs = items if isinstance(items, list) else []
    flat = {str(item[0]): item[1] for item in pairs if isinstance(item, (list, tuple)) and len(item) == 2}
    forms = (summary.get(SUGGESTION), flat, metta.get("suggestion"), summary.get(METTA_SUGGESTION))
    return next((flatten(form) for form in forms if isinstance(form, Mapping) and form), {})


def _state(
    record: WandbRecord, now: datetime, report: _Report, objective: float | None
) -> tuple[RunState, float | None]:
    if report.state == "failure":
        return "failure", None
    alive = record.state in _ALIVE
    if report.state in _OPEN or (report.state != "success" and alive):
        return ("running" if alive and not _silent(record.heartbeat, now) else "defunct"), None
    if report.state != "success":
        if record.state == "failed":
            return "failure", None
        if record.state != "finished":  # crashed: the machine was lost. killed: a user stopped the run.
            return "defunct", None
    if objective is None:
        return "unscored", None
    # A non-finite score is a property of the parameters.
    return ("success", objective) if math.isfinite(objective) else ("failure", None)


def _silent(heartbeat: str | None, now: datetime) -> bool:
    try:
        last = datetime.fromisoformat(heartbeat or "")
    except ValueError:  # unknown heartbeat
        return False
    last = last.replace(tzinfo=UTC) if last.tzinfo is None else last
    return now - last > SILENCE


def _cost(report: _Report, numbers: Mapping[str, float], name: str | None) -> tuple[float | None, bool]:
    """The cost, and whether it is the run time."""
    if name is not None:
        return _positive(numbers.get(name)), False
    if report.cost is not None or report.state is not None:
        return _positive(report.cost), False
    measured = numbers.get("_runtime", numbers.get("_wandb.runtime"))
    return _positive(measured), measured is not None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _metrics(numbers: Mapping[str, float], named: tuple[str | None, ...]) -> dict[str, float]:
    """The finite numbers, except those of W&B and of the optimizer; these only if they are ``named``."""
    return {k: v for k, v in numbers.items() if math.isfinite(v) and (k in named or not k.startswith(_NOT_METRICS))}
