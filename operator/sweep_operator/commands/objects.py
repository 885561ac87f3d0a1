"""Stored objects as models. The models are imported when needed: a shell loop of ``sweep status`` needs none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun


def parsed(sweep: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> tuple[Sweep, list[SweepRun]]:
    """The Sweep and its runs. Raises InvalidObject."""
    from sweep_operator.api.stored import read
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun

    return read(Sweep, sweep), [read(SweepRun, run) for run in runs]
