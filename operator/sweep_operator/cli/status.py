"""``sweep status`` and ``sweep list``. Light on purpose: they are called often, in loops, beside a running sweep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sweep_operator.cli.options import DEFAULT_RUNS_DIR, output_format, runs_dir
from sweep_operator.cli.stored import stored_sweep, stored_sweeps
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


@click.command("list")
@runs_dir(DEFAULT_RUNS_DIR)
@output_format()
def list_(runs_dir: Path, output: str) -> None:
    """The sweeps of a directory."""
    _show_all(runs_dir, output)


@click.command()
@click.argument("name", required=False)
@runs_dir(DEFAULT_RUNS_DIR)
@output_format()
def status(name: str | None, runs_dir: Path, output: str) -> None:
    """A sweep and its runs; without NAME, all sweeps. Works while the sweep runs."""
    if name is None:
        _show_all(runs_dir, output)
        return
    stored = stored_sweep(runs_dir, name.removeprefix("sweep_run="))
    if output == "table":
        show_sweep(stored.sweep, stored.runs, datetime.now(UTC))
        click.echo(f"\nDirectory: {stored.directory}")
    else:
        print_objects([stored.sweep, *stored.runs], output)


def _show_all(directory: Path, output: str) -> None:
    found = list(stored_sweeps(directory))
    if output != "table":
        print_objects([s.sweep for s in found], output)
    elif not found:
        click.echo(f"No sweeps below {directory}.", err=True)
    else:
        now = datetime.now(UTC)
        click.echo(text_table(SWEEP_COLUMNS, [sweep_row(s.sweep, now) for s in found]))


def show_sweep(
    sweep: dict[str, Any], runs: Sequence[dict[str, Any]], now: datetime, *, object_names: bool = False
) -> None:
    """A sweep, what stands in its way, its runs, its best, how well its predictions fitted."""
    click.echo(text_table(SWEEP_COLUMNS, [sweep_row(sweep, now, object_names=object_names)]))
    for type_ in ("Accepted", "Succeeded", "OptimizerHealthy", "WarmStarted", "TrackingSynced"):
        found = condition_of(sweep, type_)
        if found.get("message") and (type_ == "Succeeded" or found.get("status") == "False"):
            click.echo(f"{found.get('reason')}: {found['message']}")
    if runs:
        click.echo()
        click.echo(text_table(RUN_COLUMNS, [run_row(r, now, object_names=object_names) for r in runs]))
    failures = [(r, (r.get("status") or {}).get("failure")) for r in runs]
    for run, failure in failures[-5:]:
        if failure and failure.get("message"):
            click.echo(f"{run['metadata']['name']} {run_state(run)}: {failure['message']}")
    best = ((sweep.get("status") or {}).get("best") or [None])[0]
    if best:
        click.echo()
        click.echo(f"Best: {best['run']}, score {number(best['score'])}, cost {number(best.get('cost'))}")
        for path, value in sorted((best.get("parameters") or {}).items()):
            click.echo(f"  {path} = {value}")
    calibration = calibration_line(sweep)
    if calibration:
        click.echo()
        click.echo(f"Calibration: {calibration}")


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as kubectl prints them: plain text that cut, awk and grep can read."""
    widths = [max(len(c), *(len(r[i]) for r in rows)) if rows else len(c) for i, c in enumerate(columns)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if name in LEFT else cell.rjust(width)
            for name, cell, width in zip(columns, cells, widths, strict=True)
        )
        return "   ".join(padded).rstrip()

    return "\n".join(line(cells) for cells in (columns, *rows))


def print_objects(objects: Sequence[dict[str, Any]], output: str) -> None:
    """A List as ``kubectl get -o json|yaml`` prints it."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    if output == "json":
        click.echo(json.dumps(document, indent=2))
        return
    from sweep_operator.config.yaml_files import to_yaml

    click.echo(to_yaml(document))
