"""What the status of a pod says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENDED = ("Succeeded", "Failed")
"""Phases of a pod whose containers have ended and will not start again."""


def phase(pod: Mapping[str, Any]) -> str:
    """The phase; Pending as long as there is none."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def pod_has_ended(pod: Mapping[str, Any]) -> bool:
    """Whether all containers have ended."""
    return phase(pod) in ENDED
