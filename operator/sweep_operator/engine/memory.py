"""What the engine remembers of one Sweep between passes. All of it can be lost: it is found or asked for again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.sweeprun import Stage
from sweep_operator.decide.outcome import LogReading
from sweep_operator.decide.refusal import Refusal
from sweep_operator.decide.snapshot import Suggested, WarmStartState


@dataclass
class Memory:
    """Per Sweep (by uid)."""

    uid: str
    checked_generation: int | None = None
    problems: tuple[FieldError, ...] = ()
    logs: dict[str, LogReading] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """By Job name."""
    asked: dict[str, datetime] = field(default_factory=dict)
    """By Job name: when its missing pod was asked about last."""
    foreign_jobs: set[str] = field(default_factory=set)
    burnt: set[int] = field(default_factory=set)
    raised: set[tuple[str, Stage, int]] = field(default_factory=set)
    """(run uid, stage, attempt) that this process raised: their Jobs need no live look at the run first."""
    unreadable: dict[str, str] = field(default_factory=dict)
    suggesting: asyncio.Task[None] | None = None
    suggested: tuple[int, Suggested] | None = None
    """(generation it was made for, answer)"""
    warm_start: WarmStartState = field(default_factory=WarmStartState)
    warm_start_since: datetime | None = None
    run_limit: int | None = None

    def suggested_for(self, generation: int) -> Suggested | None:
        """The optimizer's answer, unless the spec has changed since it was asked."""
        if self.suggested is None or self.suggested[0] != generation:
            return None
        return self.suggested[1]

    def forget(self) -> None:
        """End what is under way."""
        if self.suggesting is not None:
            self.suggesting.cancel()
