"""``sweep status`` and ``sweep list``. They import no models: scripts call them in loops."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from sweep_operator.cli.stored import stored_sweep, stored_sweeps
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, output_format, runs_dir, sweep_name
from sweep_operator.commands.output import echo
from sweep_operator.views.status import objects_text, sweep_lines, sweeps_table


@click.command("list")
@runs_dir(DEFAULT_RUNS_DIR)
@output_format
def list_(runs_dir: Path, output: str) -> None:
    """List the sweeps of a directory."""
    _show_all(runs_dir, output)


@click.command()
@click.argument("name", required=False)
@runs_dir(DEFAULT_RUNS_DIR)
@output_format
def status(name: str | None, runs_dir: Path, output: str) -> None:
    """Show a sweep and its runs; without NAME, all sweeps. Also works while the sweep is running.

    STATUS is Interrupted if the sweep has not ended and no process runs it. The command that resumes it is then shown.
    """
    if name is None:
        _show_all(runs_dir, output)
        return
    stored = stored_sweep(runs_dir, sweep_name(name))
    if output != "table":
        echo(objects_text([stored.sweep, *stored.runs], output))
        return
    for line in sweep_lines(stored.sweep, stored.runs, datetime.now(UTC)):
        echo(line)
    echo(f"\nDirectory: {stored.directory}")


def _show_all(directory: Path, output: str) -> None:
    found = list(stored_sweeps(directory))
    if output != "table":
        echo(objects_text([s.sweep for s in found], output))
    elif not found:
        echo(f"No sweeps found in {directory}.", err=True)
    else:
        echo(sweeps_table([s.sweep for s in found], datetime.now(UTC), object_names=False, namespaces=False))
