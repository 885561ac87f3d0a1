"""A sweep and its runs as text, from the objects' JSON.

Imports no models, and the YAML writer only when it is needed, so that ``sweep status`` starts fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sweep_operator.domain.conditions import condition_of
from sweep_operator.views.columns import GAP, Column, fitting, text_table, value_text
from sweep_operator.views.figures import number
from sweep_operator.views.selection import ALL, Selection, failed_runs, selected
from sweep_operator.views.tables import (
    PARAMETERS,
    best_score,
    calibration_line,
    early_stopping_line,
    run_columns,
    run_name,
    run_state,
    sweep_columns,
    warm_start_line,
)

_CONDITIONS = ("Accepted", "Succeeded", "OptimizerHealthy", "WarmStarted", "TrackingSynced", "EarlyStoppingEffective")
_FAILURES_SHOWN = 5


@dataclass(frozen=True)
class Layout:
    """How tables are written. ``width``: of the terminal, which decides on the columns; None: no terminal."""

    width: int | None = None
    wide: bool = False
    """All columns, whatever the width."""
    object_names: bool = False
    """Names of the objects in a cluster, instead of the names on this machine."""

    @property
    def parameters(self) -> bool:
        """Whether parameters are shown. A pipe gets the same columns for every sweep."""
        return self.wide or self.width is not None

    def of(self, columns: Sequence[Column]) -> list[Column]:
        """The columns that fit."""
        return fitting(columns, None if self.wide else self.width, GAP)


PLAIN = Layout()


def sweep_lines(
    sweep: dict[str, Any],
    runs: Sequence[dict[str, Any]],
    now: datetime,
    selection: Selection = ALL,
    layout: Layout = PLAIN,
) -> Iterator[str]:
    """The sweep, its problems, its runs, its best parameters and its calibration."""
    yield sweeps_table([sweep], now, layout)
    yield from _conditions(sweep)
    yield from _runs(sweep, runs, now, selection, layout)
    best = ((sweep.get("status") or {}).get("best") or [None])[0]
    if best:
        names = (run_name(r, layout.object_names) for r in runs if r["metadata"]["name"] == best["run"])
        others = "".join(f", {name} {number(value)}" for name, value in (best.get("metrics") or {}).items())
        cost = number(best.get("cost"))
        yield f"\nBest: {next(names, best['run'])}, score {best_score(sweep)}, cost {cost}{others}"
        for path, value in sorted((best.get("parameters") or {}).items()):
            yield f"  {path} = {value_text(value)}"
    if calibration := calibration_line(sweep):
        yield f"\nCalibration: {calibration}"
    if sources := warm_start_line(sweep):
        yield f"\nWarm start: {sources}"
    if stopped := early_stopping_line(sweep):
        yield f"\nEarly stopping: {stopped}"


def _conditions(sweep: dict[str, Any]) -> Iterator[str]:
    interrupted = condition_of(sweep, "Interrupted")
    for type_ in _CONDITIONS:
        found = interrupted if type_ == "Succeeded" and interrupted else condition_of(sweep, type_)
        if found.get("message") and (type_ == "Succeeded" or found.get("status") == "False"):
            yield f"{'Interrupted' if found is interrupted else found.get('reason')}: {found['message']}"


def _runs(
    sweep: dict[str, Any], runs: Sequence[dict[str, Any]], now: datetime, selection: Selection, layout: Layout
) -> Iterator[str]:
    shown = selected(sweep, runs, selection)
    if shown:
        columns = run_columns(sweep, shown, now, object_names=layout.object_names, parameters=layout.parameters)
        written = layout.of(columns)
        yield "\n" + text_table(written)
        if written[-1].rank >= PARAMETERS and (hidden := len(columns) - len(written)):
            yield f"{hidden} more parameter{'s' if hidden != 1 else ''} with -o wide"
    kind, all_ = ("failed run", failed_runs(runs)) if selection.failed else ("run", runs)
    if len(shown) < len(all_):
        yield f"{len(shown)} of {len(all_)} {kind}s; to see all, omit --limit"
    elif selection.failed and not shown:
        yield "\nNo failed runs."
    failures = failed_runs(shown)
    for run in failures if selection.failed else failures[-_FAILURES_SHOWN:]:
        failure = run["status"].get("failure") or {}
        if failure.get("message"):
            yield f"{run_name(run, layout.object_names)} {run_state(run)}: {failure['message']}"


def sweeps_table(
    sweeps: Sequence[dict[str, Any]], now: datetime, layout: Layout = PLAIN, *, namespaces: bool = False
) -> str:
    """One row per sweep; ``namespaces``: with the column NAMESPACE."""
    return text_table(layout.of(sweep_columns(sweeps, now, object_names=layout.object_names, namespaces=namespaces)))


def objects_text(objects: Sequence[dict[str, Any]], output: str) -> str:
    """A List as ``kubectl get -o json|yaml`` prints it."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    if output == "json":
        return json.dumps(document, indent=2)
    from sweep_operator.config.yaml_files import to_yaml

    return to_yaml(document)
