"""``sweep status`` and ``sweep list``. They import no models: scripts call them in loops."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.failures import FAILED
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, output_format, runs_dir, selection_options, sweep_name
from sweep_operator.commands.output import echo
from sweep_operator.commands.status import DOCUMENTS, print_sweep, print_sweeps, require_all
from sweep_operator.garbage import no_collection
from sweep_operator.machine.stored import stored_sweep, stored_sweeps
from sweep_operator.views.selection import Selection


@click.command("list")
@runs_dir(DEFAULT_RUNS_DIR)
@output_format
def list_(runs_dir: Path, output: str) -> None:
    """List the sweeps of a directory."""
    _show_all(runs_dir, output)


@click.command()
@click.argument("name", required=False, shell_complete=complete_sweeps)
@selection_options
@runs_dir(DEFAULT_RUNS_DIR)
@output_format
@no_collection()
def status(name: str | None, selection: Selection, runs_dir: Path, output: str) -> None:
    """Show a sweep and its runs; without NAME, all sweeps. Also works while the sweep is running.

    STATUS is Interrupted if the sweep has not ended and no process runs it. The command that resumes it is then shown.
    TIME is how long the programs of a finished run ran, and the age of other runs. A wide terminal shows parameters.

    \b
        sweep status my_sweep --sort score --limit 10
        sweep status my_sweep --failed
    """
    if name is None:
        require_all(selection)
        _show_all(runs_dir, output)
        return
    stored = stored_sweep(runs_dir, sweep_name(name))
    print_sweep(stored.sweep, stored.runs, selection, output, object_names=False)
    if output not in DOCUMENTS:
        echo(f"\nDirectory: {stored.directory}")


def _show_all(directory: Path, output: str) -> None:
    """Print the sweeps that can be read. Exit code 1 if there are others."""
    found = stored_sweeps(directory)
    print_sweeps([s.sweep for s in found.sweeps], output)
    if not found.sweeps and not found.unreadable:
        echo(f"No sweeps found in {directory}.", err=True)
    for line in found.empty.values():
        echo(f"note: {line}", err=True)
    for line in found.unreadable:
        echo(f"error: {line}", err=True)
    if found.unreadable:
        raise click.exceptions.Exit(FAILED)
