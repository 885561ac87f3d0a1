"""Events as people read them, from the objects' JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

Event = TypeVar("Event", bound=Mapping[str, Any])


class ReadEvent(NamedTuple):
    """The fields of an Event, of either version of the API. Empty: absent."""

    time: str
    """Of its last occurrence."""
    type: str
    about: str
    """Name of the object that it is about."""
    reason: str
    message: str
    times: int


def read_event(event: Mapping[str, Any]) -> ReadEvent:
    """The fields of ``event``."""
    about = event.get("involvedObject") or event.get("regarding") or {}
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    count = series.get("count") or event.get("count")
    return ReadEvent(
        time=str(next((time for time in times if time), None) or event.get("firstTimestamp") or ""),
        type=str(event.get("type") or ""),
        about=str(about.get("name") or ""),
        reason=str(event.get("reason") or ""),
        message=str(event.get("message") or event.get("note") or ""),
        times=count if isinstance(count, int) else 1,
    )


def events_of_runs(events: Iterable[Event], names: Mapping[str, str]) -> Mapping[str, Sequence[Event]]:
    """The Events about each run, by its name. ``names``: of the run, by the uids of the run and of its pods."""
    found: dict[str, list[Event]] = {}
    for event in events:
        if name := names.get(str((event.get("involvedObject") or {}).get("uid"))):
            found.setdefault(name, []).append(event)
    return found
