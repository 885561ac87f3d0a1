"""Reads parameters, result and state of a run in Weights & Biases.

Runs of this optimizer report them in protein.* summary keys. Runs of a plain W&B sweep report them in their config,
their state and a summary metric. All functions are pure and do not need the wandb package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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

OWN_CONFIG = ("_wandb", "wandb_version")
"""Config keys of W&B itself: values sent under these names are never returned."""
_OPEN = ("running", "initializing")
_ALIVE = ("running", "pending")
"""W&B's own states of an unfinished run."""


@dataclass(frozen=True)
class HistoricalRun:
    """One interpreted W&B run.

    ``params``: its suggestion, flat, or else its config. ``objective`` and ``cost`` are finite or None.
    """

    id: str
    state: RunState
    params: Mapping[str, Any]
    objective: float | None = None
    cost: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    failure_class: str = ""
    """Failure class that the operator assigned; empty for a run without the operator. See protein.analysis.failures."""
    cost_is_runtime: bool = False
    """Whether the cost is the run time in seconds from W&B, because the run reported no cost."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The full config of the run, flat."""


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


def read_run(
    record: WandbRecord, now: datetime, *, metric: str = "score", objective: str | None = None, cost: str | None = None
) -> HistoricalRun:
    """Interpret one run.

    Args:
        record: the run.
        now: current time; a run without a heartbeat for SILENCE is defunct.
        metric: summary key of the objective of runs without protein.* keys.
        objective: summary key of the objective of all runs. Overrides ``metric`` and the protein.* keys.
        cost: summary key of the cost of all runs. Without it, the cost of a run without protein.* keys is the run time
            in seconds that W&B measured.
    """
    summary = record.summary
    flat_config = flatten({k: v for k, v in record.config.items() if k not in OWN_CONFIG})
    state, found = _state(record, now, _objective(summary, metric, objective))
    cost_value, is_runtime = _cost(summary, cost)
    return HistoricalRun(
        id=record.id,
        state=state,
        params=_suggestion(summary) or flat_config,
        objective=found if state == "success" else None,
        cost=cost_value,
        cost_is_runtime=is_runtime,
        metrics=_metrics(summary),
        error=str(summary.get(ERROR) or "") if state == "failure" else "",
        failure_class=str(summary.get(FAILURE_CLASS) or "") if state == "failure" else "",
        config=flat_config,
    )


def number(value: object) -> float | None:
    """The number in a summary value; summaries encode NaN and Infinity as strings. None for any other value."""
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value.replace("Infinity", "inf"))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def summary_value(summary: Mapping[str, Any], name: str) -> object:
    """The value of key ``a.b``, or of ``b`` inside ``a``. For a metric with several summaries, its last value."""
    value: object = summary.get(name)
    if name not in summary:
        value = summary
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return value["last"] if isinstance(value, Mapping) and "last" in value else value


def _state(record: WandbRecord, now: datetime, objective: float | None) -> tuple[RunState, float | None]:
    reported = record.summary.get(STATE)
    if reported == "failure":
        return "failure", None
    alive = record.state in _ALIVE
    if reported in _OPEN or (reported != "success" and alive):
        return ("running" if alive and not _silent(record.heartbeat, now) else "defunct"), None
    if reported != "success":
        if record.state == "failed":
            return "failure", None
        if record.state != "finished":  # crashed: the machine was lost. killed: a user stopped the run.
            return "defunct", None
    if objective is None:
        return "unscored", None
    # A non-finite score is a property of the parameters.
    return ("success", objective) if math.isfinite(objective) else ("failure", None)


def _objective(summary: Mapping[str, Any], metric: str, named: str | None) -> float | None:
    if named is not None:
        return number(summary_value(summary, named))
    found = number(summary.get(OBJECTIVE))
    return number(summary_value(summary, metric)) if found is None else found


def _silent(heartbeat: str | None, now: datetime) -> bool:
    try:
        last = datetime.fromisoformat((heartbeat or "").replace("Z", "+00:00"))
    except ValueError:  # unknown heartbeat
        return False
    last = last.replace(tzinfo=UTC) if last.tzinfo is None else last
    return now - last > SILENCE


def _suggestion(summary: Mapping[str, Any]) -> dict[str, Any]:
    nested = summary.get(SUGGESTION)
    if isinstance(nested, Mapping) and nested:
        return flatten(nested)
    items = summary.get(FLAT_SUGGESTION)
    if isinstance(items, list):
        return {str(item[0]): item[1] for item in items if isinstance(item, (list, tuple)) and len(item) == 2}
    return {}


def _cost(summary: Mapping[str, Any], name: str | None) -> tuple[float | None, bool]:
    """The cost, and whether it is the run time."""
    reported = number(summary.get(COST)) if name is None else number(summary_value(summary, name))
    if reported is not None or name is not None or STATE in summary:
        return _positive(reported), False
    nested = summary.get("_wandb")
    measured = number(summary.get("_runtime"))
    if measured is None and isinstance(nested, Mapping):
        measured = number(nested.get("runtime"))
    return _positive(measured), measured is not None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _metrics(summary: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers at the top level of the summary, except W&B's own keys, which begin with ``_``."""
    named = {k: number(v) for k, v in summary.items() if not k.startswith(("_", "protein."))}
    return {k: v for k, v in named.items() if v is not None and math.isfinite(v)}
