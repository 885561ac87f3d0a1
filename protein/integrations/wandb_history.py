"""What a run in Weights & Biases says of its parameters and its result, and whether it still runs or has died.

Runs of this optimizer say it in their protein.* summary keys; runs of a plain W&B sweep in their config, their state
and a summary metric. Pure: nothing here needs the wandb package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from protein.searchspace.paths import flatten

RunState = Literal["success", "failure", "running", "defunct", "unscored"]
"""defunct: it has told no result, and will not: it is silent or has been stopped; unscored: it ended well, without the
metric."""
SILENCE = timedelta(minutes=5)
"""A run that says nothing for so long has died: its process would send a heartbeat every few seconds."""

STATE, ERROR, FAILURE_CLASS = "protein.state", "protein.error", "protein.failure_class"
OBJECTIVE, COST = "protein.objective", "protein.cost"
SUGGESTION, FLAT_SUGGESTION, INFO = (
    "protein.suggestion",
    "protein.suggestion_flattened_items",
    "protein.suggestion_info",
)

_OPEN = ("running", "initializing")
_ALIVE = ("running", "pending")
"""W&B's own states of a run that is not over."""


@dataclass(frozen=True)
class HistoricalRun:
    """One run of W&B. ``params``: flat, its suggestion, else its config; score and cost are finite or None."""

    id: str
    state: RunState
    params: Mapping[str, Any]
    objective: float | None = None
    cost: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    failure_class: str = ""
    """Of a failure: which class the operator gave it. Only parameters and crash (or none) are about the parameters."""
    cost_is_runtime: bool = False
    """Whether the cost is W&B's run time in seconds, since the run says nothing of a cost."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Flat, everything that the run was configured with."""


def read_run(
    id: str,
    wandb_state: str,
    config: Mapping[str, Any],
    summary: Mapping[str, Any],
    heartbeat: str | None,
    now: datetime,
    *,
    metric: str = "score",
    objective: str | None = None,
    cost: str | None = None,
) -> HistoricalRun:
    """One run. ``wandb_state``: running, finished, failed, crashed, killed, ...; ``heartbeat``: ISO 8601, UTC.

    ``metric`` is the summary key that is the objective of runs without protein.* keys, ``objective`` of all. ``cost``
    is the key of the cost; without it, runs without protein.* keys cost the seconds that W&B has measured.
    """
    flat_config = flatten({k: v for k, v in config.items() if k not in ("_wandb", "wandb_version")})
    state, found = _state(wandb_state, summary, heartbeat, now, _objective(summary, metric, objective))
    price, is_runtime = _cost(summary, cost)
    return HistoricalRun(
        id=id,
        state=state,
        params=_suggestion(summary) or flat_config,
        objective=found if state == "success" else None,
        cost=price,
        cost_is_runtime=is_runtime,
        metrics=_metrics(summary),
        error=str(summary.get(ERROR) or "") if state == "failure" else "",
        failure_class=str(summary.get(FAILURE_CLASS) or "") if state == "failure" else "",
        config=flat_config,
    )


def number(value: object) -> float | None:
    """A number as summaries hold it, which write NaN and Infinity as words; None for anything else."""
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value.replace("Infinity", "inf"))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def summary_value(summary: Mapping[str, Any], name: str) -> object:
    """``a.b`` as a key of its own, or ``b`` inside ``a``; a metric with several summaries gives its last value."""
    at: object = summary.get(name)
    if name not in summary:
        at = summary
        for part in name.split("."):
            at = at.get(part) if isinstance(at, Mapping) else None
    return at["last"] if isinstance(at, Mapping) and "last" in at else at


def _state(
    wandb_state: str, summary: Mapping[str, Any], heartbeat: str | None, now: datetime, objective: float | None
) -> tuple[RunState, float | None]:
    told = summary.get(STATE)
    if told == "failure":
        return "failure", None
    if told in _OPEN or (told != "success" and wandb_state in _ALIVE):
        return ("running" if wandb_state in _ALIVE and not _silent(heartbeat, now) else "defunct"), None
    if told != "success":
        if wandb_state == "failed":
            return "failure", None
        if wandb_state != "finished":  # crashed: its machine is gone; killed: somebody has stopped it
            return "defunct", None
    if objective is None:
        return "unscored", None
    # a score that is not finite is a property of the parameters
    return ("success", objective) if math.isfinite(objective) else ("failure", None)


def _objective(summary: Mapping[str, Any], metric: str, named: str | None) -> float | None:
    if named is not None:
        return number(summary_value(summary, named))
    found = number(summary.get(OBJECTIVE))
    return number(summary_value(summary, metric)) if found is None else found


def _silent(heartbeat: str | None, now: datetime) -> bool:
    try:
        last = datetime.fromisoformat((heartbeat or "").replace("Z", "+00:00"))
    except ValueError:  # nobody knows
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
    told = number(summary.get(COST)) if name is None else number(summary_value(summary, name))
    if told is not None or name is not None or STATE in summary:
        return _positive(told), False
    nested = summary.get("_wandb")
    measured = number(summary.get("_runtime"))
    if measured is None and isinstance(nested, Mapping):
        measured = number(nested.get("runtime"))
    return _positive(measured), measured is not None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _metrics(summary: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers at the top of the summary; W&B's own begin with ``_``."""
    named = {k: number(v) for k, v in summary.items() if not k.startswith(("_", "protein."))}
    return {k: v for k, v in named.items() if v is not None and math.isfinite(v)}
