"""``sweep export``."""

from __future__ import annotations

import click

from sweep_operator.cli.find_sweep import look_up
from sweep_operator.cli.lookup import Lookup, lookup_options
from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.options import OVERRIDES_FOLLOW, ExportOptions, export_options, sweep_name
from sweep_operator.commands.rows import write_rows
from sweep_operator.exchange.of_runs import rows_of
from sweep_operator.exchange.row import Row
from sweep_operator.garbage import no_collection
from sweep_operator.machine.stored import StoredSweep
from sweep_operator.tracking.history.objects import objects_of_answer, typed_run
from sweep_operator.tracking.history.reader import rows_of_answer


@click.command(context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", metavar="sweep_run=NAME", shell_complete=complete_sweeps)
@click.argument("arguments", nargs=-1, metavar="[wandb.project=P ...]")
@export_options
@lookup_options
@no_collection()
def export(sweep: str, arguments: tuple[str, ...], target: ExportOptions, lookup: Lookup) -> None:
    """Write all runs of a sweep as a table: parameters, score, cost, status, metrics. Floats keep full precision.

    The command looks for the sweep on this machine, then in W&B. For a sweep in a cluster, use `kubectl sweep export`.
    `sweep import` and warm starts read the file.

    \b
        sweep export sweep_run=my_sweep -o runs.csv
        sweep export sweep_run=my_sweep --entity my-team --project my-project --format jsonl
    """
    write_rows(_rows(sweep_name(sweep), arguments, lookup), target)


def _rows(name: str, arguments: tuple[str, ...], lookup: Lookup) -> list[Row]:
    found = look_up(name, arguments, lookup)
    if isinstance(found, StoredSweep):
        return rows_of(*found.parsed())
    sweep, _ = objects_of_answer(found)
    return rows_of_answer(found.with_(runs=[typed_run(run, sweep) for run in reversed(found.runs)]))
