"""``kubectl sweep report``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import no_model
from sweep_operator.commands.report import write_report
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.kubectl.replay import recorded_if_allowed


@click.command()
@click.argument("sweep", type=SWEEP_NAME, shell_complete=complete_sweeps)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write; - for standard output. [SWEEP-report.html]",
)  # fmt: skip
@no_model
@cluster_options
def report(sweep: str, output: Path | None, no_model: bool) -> None:
    """Write the page of SWEEP as one HTML file, which needs no server and no network."""
    recorded, templates = in_cluster(lambda cluster: recorded_if_allowed(cluster, sweep))
    write_report(recorded, templates, output or Path(f"{sweep}-report.html"), "kubectl sweep", no_model=no_model)
