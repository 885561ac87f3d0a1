"""Violations that are known and not fixed yet. Remove each with its fix."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold."""

    code: str
    text: str
    at: float
    """In virtual seconds."""

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.code}: {self.text}"


KNOWN: dict[str, str] = {}
"""Pattern of ``str(violation)`` without the time: why."""
UNUSED_ACTIONS: dict[str, str] = {}
"""Actions that no schedule takes: why."""

UNUSED_PROGRAMS: dict[str, str] = {}
"""Programs that no container runs: why."""


def known(violation: Violation) -> str | None:
    """Why the violation is known; None: it is new."""
    text = f"{violation.code}: {violation.text}"
    return next((why for pattern, why in KNOWN.items() if re.match(pattern, text)), None)
