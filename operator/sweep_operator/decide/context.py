"""What one run's decision may look at, and which parameters it runs with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import LogReading
from sweep_operator.decide.refusal import Refusal
from sweep_operator.domain.revisions import RunTemplate


@dataclass(frozen=True)
class RunContext:
    """What a run's decision may look at."""

    sweep: Sweep
    current: RunTemplate
    """The template that a run started now gets."""
    template: RunTemplate | None
    """The run's own, when it has started (None: its revision is not there)."""
    jobs: tuple[JobView, ...]
    pods: tuple[PodView, ...]
    leftovers: tuple[PodView, ...]
    """Pods of an earlier run of that name."""
    leftover: str | None
    """What an earlier run of that name has left and that must go first: a Job, or a pod that runs."""
    logs: Mapping[str, LogReading]
    refusals: Mapping[str, Refusal]
    foreign_jobs: frozenset[str]
    config: OperatorConfig
    now: datetime
    seed: int
    run_name: str
    center: Mapping[str, Scalar]
    """The search center, for what a manual run does not name."""
    may_start: bool
    waiting_reason: str
    """Why a run that may not start waits."""
    suspend: str | None
    """None, drain or terminate."""
    end: str | None
    """Reason for which every run of the sweep ends now (Stopped, DeadlineReached)."""


def effective_parameters(run: SweepRun, sweep: Sweep, center: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The run's parameters in their distributions' types; a manual run's gaps filled with the search center.

    Raises ValueError for an unknown name or a value of another type. Values outside the bounds are allowed.
    """
    specs = sweep.spec.parameters
    given: dict[str, Scalar] = {}
    for path, value in run.spec.parameters.items():
        if path not in specs:
            raise ValueError(f"spec.parameters['{path}']: is not a parameter of the sweep; known are {sorted(specs)}")
        try:
            given[path] = typed_value(specs[path], value)
        except ValueError as error:
            raise ValueError(f"spec.parameters['{path}']: {error}") from None
    if run.spec.index is not None:
        return given
    filled = {**center, **given}
    active = {
        path: value
        for path, value in filled.items()
        if path in given or (when := specs[path].when) is None or filled.get(when.parameter) in when.in_
    }
    return {path: active[path] for path in specs if path in active}
