"""``kubectl sweep export``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cli.export import export_options
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options


@click.command()
@click.argument("sweep", type=SWEEP_NAME, metavar="SWEEP", shell_complete=complete_sweeps)
@export_options
@cluster_options
def export(sweep: str, output: Path | None, form: str | None) -> None:
    """Write all runs of SWEEP as a table: parameters, score, cost, status, metrics; floats with every bit.

    `kubectl sweep import` reads it, and so does a warm start:

    \b
      kubectl sweep export cartpole -o runs.csv
      kubectl create configmap old-runs --from-file=runs.csv     # spec.warmStart.from: [{configMap: old-runs}]
    """
    from sweep_operator.cli.best_params import sweep_name
    from sweep_operator.cli.export import write_rows
    from sweep_operator.exchange.of_runs import rows_of
    from sweep_operator.kubectl.best_params import read_sweep

    write_rows(rows_of(*read_sweep(sweep_name(sweep))), output, form)
