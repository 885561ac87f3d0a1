"""Conditions of objects as JSON, for commands that do not load the models."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def condition_of(obj: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    """The condition of that type; empty if there is none."""
    for condition in (obj.get("status") or {}).get("conditions") or ():  # faster than next(), and called most often
        if condition.get("type") == type_:
            found: Mapping[str, Any] = condition
            return found
    return {}


def joined(*parts: str) -> str:
    """The parts that are not empty, separated by colons: ``BadParameters: gamma is 2``."""
    return ": ".join(part for part in parts if part)


def has_ended(obj: Mapping[str, Any], type_: str = "Succeeded") -> bool:
    """Whether the condition of that type is decided, one way or the other."""
    return condition_of(obj, type_).get("status") in ("True", "False")


def has_begun(run: Mapping[str, Any]) -> bool:
    """Whether a SweepRun has an attempt."""
    return bool(((run.get("status") or {}).get("train") or {}).get("attempt"))


_OUTCOMES = {"True": "succeeded", "False": "failed"}


def run_state(run: Mapping[str, Any]) -> tuple[str, str]:
    """Outcome and reason of a SweepRun."""
    outcome = _OUTCOMES.get(str(condition_of(run, "Succeeded").get("status")), "active")
    return "pruned" if is_pruned(run) else outcome, sys.intern(run_reason(run))


def is_pruned(run: Mapping[str, Any]) -> bool:
    """Whether early stopping ended the SweepRun."""
    return condition_of(run, "Succeeded").get("status") == "False" and run_reason(run) == "Pruned"


def run_reason(run: Mapping[str, Any]) -> str:
    """The reason of a SweepRun's condition Succeeded, as in the column STATUS."""
    return str(condition_of(run, "Succeeded").get("reason") or "Pending")
