"""Times as the page shows them: RFC 3339 text in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sweep_operator.api.meta import Condition
from sweep_operator.domain.times import time_text
from sweep_operator.views.page import run_models


def later(time: datetime, seconds: float) -> datetime:
    """``seconds`` after a time in UTC, at most until the end of the calendar."""
    try:
        return time + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def page_conditions(conditions: list[Condition]) -> list[run_models.Condition]:
    """The conditions of a sweep or a run."""
    return [
        run_models.Condition(
            type=c.type, status=c.status, reason=c.reason, message=c.message, since=time_text(c.last_transition_time)
        )
        for c in conditions
    ]  # fmt: skip
