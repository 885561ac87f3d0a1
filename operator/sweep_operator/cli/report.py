"""``sweep report``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, no_model, runs_dir, sweep_name
from sweep_operator.commands.recorded import Recorded
from sweep_operator.commands.report import write_report
from sweep_operator.garbage import no_collection
from sweep_operator.machine.run_records import events_by_run, log_ends
from sweep_operator.machine.stored import stored_sweep
from sweep_operator.report.data import RunRecords


@click.command()
@click.argument("name", shell_complete=complete_sweeps)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write; - is the standard output. [<runs-dir>/<NAME>/report.html]",
)
@no_model
@click.option("--no-logs", is_flag=True, help="Omit the ends of the logs, for example because they contain secrets.")
@runs_dir(DEFAULT_RUNS_DIR)
@no_collection()
def report(name: str, output: Path | None, no_model: bool, no_logs: bool, runs_dir: Path) -> None:
    """Write the page of a sweep as one HTML file, which needs no server and no network."""
    stored = stored_sweep(runs_dir, sweep_name(name))
    sweep, runs = stored.parsed()
    path = output or runs_dir / sweep.display_name / "report.html"
    recorded = Recorded(sweep, runs, stored.config_maps())
    records = RunRecords(events_by_run(stored), {} if no_logs else log_ends(stored))
    write_report(recorded, stored.templates(), path, "sweep", records, no_model=no_model)
