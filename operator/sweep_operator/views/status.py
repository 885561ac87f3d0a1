"""A sweep and its runs as text, from the objects' JSON. Imports no models, so that ``sweep status`` starts fast."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sweep_operator.api.visible_text import visible_text
from sweep_operator.config.yaml_files import to_yaml
from sweep_operator.domain.conditions import condition_of
from sweep_operator.views.tables import (
    LEFT,
    RUN_COLUMNS,
    SWEEP_COLUMNS,
    calibration_line,
    number,
    run_row,
    run_state,
    sweep_row,
)  # fmt: skip

_CONDITIONS = ("Accepted", "Succeeded", "OptimizerHealthy", "WarmStarted", "TrackingSynced")
_FAILURES_SHOWN = 5


def sweep_lines(
    sweep: dict[str, Any], runs: Sequence[dict[str, Any]], now: datetime, *, object_names: bool = False
) -> Iterator[str]:
    """The sweep, its problems, its runs, its best parameters and its calibration."""
    yield text_table(SWEEP_COLUMNS, [sweep_row(sweep, now, object_names=object_names)])
    interrupted = condition_of(sweep, "Interrupted")
    for type_ in _CONDITIONS:
        found = interrupted if type_ == "Succeeded" and interrupted else condition_of(sweep, type_)
        if found.get("message") and (type_ == "Succeeded" or found.get("status") == "False"):
            yield f"{'Interrupted' if found is interrupted else found.get('reason')}: {found['message']}"
    if runs:
        yield "\n" + text_table(RUN_COLUMNS, [run_row(r, now, object_names=object_names) for r in runs])
    for run in runs[-_FAILURES_SHOWN:]:
        failure = (run.get("status") or {}).get("failure")
        if failure and failure.get("message"):
            yield f"{run['metadata']['name']} {run_state(run)}: {failure['message']}"
    best = ((sweep.get("status") or {}).get("best") or [None])[0]
    if best:
        yield f"\nBest: {best['run']}, score {number(best['score'])}, cost {number(best.get('cost'))}"
        for path, value in sorted((best.get("parameters") or {}).items()):
            yield f"  {path} = {value}"
    if calibration := calibration_line(sweep):
        yield f"\nCalibration: {calibration}"


def sweeps_table(sweeps: Sequence[dict[str, Any]], now: datetime, *, object_names: bool, namespaces: bool) -> str:
    """One row per sweep; ``namespaces``: with the column NAMESPACE."""
    rows = [sweep_row(s, now, object_names=object_names) for s in sweeps]
    if not namespaces:
        return text_table(SWEEP_COLUMNS, rows)
    places = [str(s["metadata"].get("namespace", "")) for s in sweeps]
    return text_table(("NAMESPACE", *SWEEP_COLUMNS), [(p, *row) for p, row in zip(places, rows, strict=True)])


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as kubectl prints it: plain text for cut, awk and grep."""
    lines = [columns, *([visible_text(cell).replace("\n", " ") for cell in row] for row in rows)]
    columnwise = []
    for name, cells in zip(columns, zip(*lines, strict=True), strict=True):
        width = max(map(len, cells))
        columnwise.append([c.ljust(width) if name in LEFT else c.rjust(width) for c in cells])
    return "\n".join("   ".join(line).rstrip() for line in zip(*columnwise, strict=True))


def objects_text(objects: Sequence[dict[str, Any]], output: str) -> str:
    """A List as ``kubectl get -o json|yaml`` prints it."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    return json.dumps(document, indent=2) if output == "json" else to_yaml(document)
