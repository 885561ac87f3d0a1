"""Times as the page shows them: RFC 3339 text in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sweep_operator.api.meta import Condition
from sweep_operator.views.page import run_models


def utc(time: datetime) -> datetime:
    """The time in UTC. One without a zone is taken to be in UTC."""
    if time.tzinfo is UTC:
        return time
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:  # at the ends of the calendar
        return time.replace(tzinfo=UTC)


def later(time: datetime, seconds: float) -> datetime:
    """``seconds`` after a time in UTC, at most until the end of the calendar."""
    try:
        return time + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def text_of(time: datetime) -> str:
    """``2026-03-01T09:00:00Z``."""
    return utc(time).isoformat().removesuffix("+00:00") + "Z"


def page_conditions(conditions: list[Condition]) -> list[run_models.Condition]:
    """The conditions of a sweep or a run."""
    return [
        run_models.Condition(
            type=c.type, status=c.status, reason=c.reason, message=c.message, since=text_of(c.last_transition_time)
        )
        for c in conditions
    ]  # fmt: skip
