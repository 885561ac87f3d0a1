"""Core/v1 Events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import MANAGED_BY
from sweep_operator.domain.times import time_text

MAX_MESSAGE = 1024


def build_event(
    regarding: Mapping[str, Any],
    type_: str,
    reason: str,
    message: str,
    name: str,
    *,
    times: tuple[datetime, datetime],
    count: int = 1,
) -> JsonObject:
    """Build an Event that regards one object. ``times``: of its first and its last occurrence."""
    meta = regarding["metadata"]
    first, last = (time_text(at, "seconds") for at in times)
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
        "firstTimestamp": first,
        "lastTimestamp": last,
        "count": count,
        "source": {"component": MANAGED_BY},
    }
