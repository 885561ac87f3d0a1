"""Times as the objects of Kubernetes have them: RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = datetime(1971, 1, 1, tzinfo=UTC)
"""Before every time that an object has."""


def parse_time(text: str | None) -> datetime | None:
    """The time, in UTC if ``text`` has no zone. None if absent, and for the zero time of a container that never ran."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found if found > EPOCH else None


def utc(time: datetime) -> datetime:
    """The time in UTC. One without a zone is taken to be in UTC."""
    if time.tzinfo is UTC:
        return time
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:  # at the ends of the calendar
        return time.replace(tzinfo=UTC)


def time_text(time: datetime, timespec: str = "auto") -> str:
    """``2026-03-01T09:00:00Z``."""
    return utc(time).isoformat(timespec=timespec).removesuffix("+00:00") + "Z"
