"""``kubectl sweep export``."""

from __future__ import annotations

import click

from sweep_operator.cluster.lookup import parsed_sweep
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import ExportOptions, export_options, sweep_name
from sweep_operator.commands.rows import write_rows
from sweep_operator.exchange.of_runs import rows_of
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options


@click.command()
@click.argument("sweep", type=SWEEP_NAME, metavar="SWEEP", shell_complete=complete_sweeps)
@export_options
@cluster_options
def export(sweep: str, target: ExportOptions) -> None:
    """Write all runs of SWEEP as a table: parameters, score, cost, status, metrics. Floats keep full precision.

    `kubectl sweep import` and warm starts read the file:

    \b
        kubectl sweep export cartpole -o runs.csv
        kubectl create configmap old-runs --from-file=runs.csv     # spec.warmStart.from: [{configMap: old-runs}]
    """
    found, runs = in_cluster(lambda cluster: parsed_sweep(cluster, sweep_name(sweep)))
    write_rows(rows_of(found, runs), target)
