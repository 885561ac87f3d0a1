"""Progress and learning curves of runs as text, from the objects' JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sweep_operator.domain.conditions import has_ended
from sweep_operator.domain.times import parse_time
from sweep_operator.views.figures import duration

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 12
"""Points of a sparkline."""


def progress_cells(runs: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, list[str]]:
    """The cells of PROGRESS and ETA by column; none if no run has reported."""
    statuses: list[Mapping[str, Any]] = [run.get("status") or {} for run in runs]
    if not any(s.get("progress") for s in statuses):
        return {}
    ended = [has_ended(run) for run in runs]
    texts = [
        " ".join(part for part in ("" if over else _summary(s), sparkline(values_of(s))) if part)
        for s, over in zip(statuses, ended, strict=True)
    ]
    etas = ["" if over else _eta(s, now) for s, over in zip(statuses, ended, strict=True)]
    return {"PROGRESS": texts, "ETA": etas}


def values_of(status: Mapping[str, Any]) -> list[float | None]:
    """The values of a curve, by step."""
    return [point.get("value") for point in status.get("curve") or []]


def sparkline(values: Sequence[float | None]) -> str:
    """The last values as bars; a gap where a value is not finite. Empty for fewer than two values."""
    shown = values[-_WIDTH:]
    known = [v for v in shown if v is not None]
    if len(shown) < 2 or not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(" " if v is None else _BARS[round((v - low) / span * (len(_BARS) - 1))] for v in shown)


def _summary(status: Mapping[str, Any]) -> str:
    return str((status.get("progress") or {}).get("summary") or "")


def _eta(status: Mapping[str, Any], now: datetime) -> str:
    """The estimated time that is left now."""
    progress = status.get("progress") or {}
    eta, updated = progress.get("etaSeconds"), parse_time(progress.get("updateTime"))
    if eta is None or updated is None:
        return ""
    return duration(max(0.0, eta - (now - updated).total_seconds()))
