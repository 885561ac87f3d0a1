"""What an open page knows: the events that it has received, applied in their order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Json = Any


@dataclass(frozen=True)
class Event:
    """One Server-Sent Event. A comment has no kind."""

    kind: str
    data: Json
    id: str | None


def parsed(text: bytes) -> list[Event]:
    """The complete events of a part of a stream."""
    found = []
    for block in text.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        found.append(Event(fields.get("event", ""), json.loads(fields.get("data", "null")), fields.get("id")))
    return [event for event in found if event.kind]


@dataclass
class Reader:
    """Applies events as the page does."""

    last_id: str | None = None
    sweeps: dict[str, Json] = field(default_factory=dict)
    page: Json = None
    runs: dict[str, Json] = field(default_factory=dict)
    curves: dict[str, Json] = field(default_factory=dict)
    trouble: str = ""
    unreadable: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Take in one event."""
        self.kinds.append(event.kind)
        getattr(self, f"_{event.kind}")(event.data)
        self.last_id = event.id or self.last_id

    def _snapshot(self, data: Json) -> None:
        self.sweeps = {_name(row): row for row in data["sweeps"]}
        self.curves, self.unreadable = {}, []
        self.page, self.runs = None, {}
        if data["page"] is not None:
            self.runs = {row["name"]: row for row in data["page"].pop("runs")}
            self.page = data["page"]

    def _sweeps(self, data: Json) -> None:
        self.sweeps |= {_name(row): row for row in data["changed"]}
        for name in data["deleted"]:
            self.sweeps.pop(name, None)

    def _page(self, data: Json) -> None:
        self.page = data["page"]
        self.runs |= {row["name"]: row for row in data["changed"]}
        for name in data["deleted"]:
            self.runs.pop(name, None)
            self.curves.pop(name, None)

    def _curves(self, data: Json) -> None:
        self.curves |= data["items"]

    def _unreadable(self, data: Json) -> None:
        self.unreadable = data["items"]

    def _trouble(self, data: Json) -> None:
        self.trouble = data["message"]


def _name(row: Json) -> str:
    return f"{row['namespace']}/{row['name']}"
