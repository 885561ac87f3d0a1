"""Core/v1 Events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import MANAGED_BY

MAX_MESSAGE = 1024


def build_event(
    regarding: Mapping[str, Any], type_: str, reason: str, message: str, now: datetime, name: str
) -> JsonObject:
    """Build an Event with count 1 that regards one object."""
    meta = regarding["metadata"]
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "type": type_,
        "reason": reason,
        "message": message[:MAX_MESSAGE],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": MANAGED_BY},
    }
