"""The points of a run's learning curve that the optimizer learns from.

They must not change while the run goes on, so that a suggestion can be computed again later from the number of points
that were known. The last point of each factor of 2 of the steps stays in status.curve however much it is thinned. The
optimizer gets it once the run has reported a step beyond that factor, or has ended.
"""

from __future__ import annotations

import math

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun, SweepRunStatus
from sweep_operator.decide.plan import LearnedPoint
from sweep_operator.domain.revisions import RunTemplate


def learned_curve(run: SweepRun, sweep: Sweep, template: RunTemplate | None) -> tuple[LearnedPoint, ...]:
    """By rising step. Empty unless train has reports with a known end, whose metric is the score: without eval."""
    curve = run.status.curve
    if not curve or sweep.spec.method != "bayes":
        return ()
    template = template or RunTemplate.of(sweep)
    reports = template.train.reports
    last = last_step(run, run.status, "train", template)
    if reports is None or last is None or template.eval is not None:
        return ()
    newest = {_octave(point.step): point for point in curve if 0 < point.step <= last}
    if not run.terminal and newest:
        del newest[max(newest)]
    in_seconds = sweep.spec.cost.source == "WallClock" and "train" in sweep.spec.cost.include
    return tuple(
        (point.step / last, point.value, point.seconds if in_seconds and point.seconds > 0 else None)
        for _, point in sorted(newest.items())
        if point.value is not None
    )


def last_step(run: SweepRun, status: SweepRunStatus, stage: Stage, template: RunTemplate) -> float | None:
    """The step at which the run is complete, if it is known."""
    reports = template.of_stage(stage).reports
    if reports is None or reports.max_step is None:
        return None
    parameters = {**template.fixed, **run.spec.parameters, **(status.parameters or {})}
    value = parameters.get(reports.max_step_parameter or "", reports.max_step)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else None


def _octave(step: float) -> int:
    return math.floor(math.log2(step))
