"""Rows of SweepRuns, for `sweep export` and for the warm start of another sweep."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import ImportedObservation, SweepRun
from sweep_operator.config.patch import typed_parameters
from sweep_operator.exchange.row import Row, RowFailure, RunResult


def rows_of(sweep: Sweep, runs: Sequence[SweepRun]) -> list[Row]:
    """Convert each run to a row, in the same order."""
    return [_row(sweep, run) for run in runs]


def _row(sweep: Sweep, run: SweepRun) -> Row:
    status = run.status
    result: RunResult = "succeeded" if run.succeeded else "failed" if run.failed else "open"
    failure = None
    if result == "failed":
        failure = RowFailure("stopped", "Unknown")
        if status.failure is not None:
            failure = RowFailure(status.failure.class_, status.failure.reason, status.failure.message)
    imported = run.spec.observation or ImportedObservation.model_construct()
    created = imported.created or run.metadata.creation_timestamp
    fixed = sweep.spec.fixed if status.fixed is None and not run.imported else status.fixed or {}
    return Row(
        where=f"run {status.run_name or run.name}",
        result=result,
        parameters=typed_parameters(sweep, run.parameters),
        fixed={path: value for path, value in fixed.items() if path not in run.parameters},
        score=status.score,
        metric=sweep.spec.metric,
        sweep_metric=sweep.spec.metric,
        goal=sweep.spec.goal,
        cost=status.cost,
        cost_source=sweep.spec.cost.source,
        metrics=dict(status.metrics),
        failure=failure,
        run=status.run_name or run.name,
        index=imported.index if run.spec.index is None else run.spec.index,
        origin=run.spec.origin,
        created=None if created is None else created.isoformat(),
        curve=tuple(point.to_json() for point in status.curve),
        last_report=status.last_report,
    )
