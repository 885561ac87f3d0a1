"""``kubectl sweep report``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.run_events import events_by_run
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import no_model
from sweep_operator.commands.recorded import Recorded
from sweep_operator.commands.report import write_report
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.kubectl.replay import recorded_if_allowed
from sweep_operator.report.data import RunRecords
from sweep_operator.views.training_command import Templates


@click.command()
@click.argument("sweep", type=SWEEP_NAME, shell_complete=complete_sweeps)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write; - is the standard output. [SWEEP-report.html]",
)  # fmt: skip
@no_model
@cluster_options
def report(sweep: str, output: Path | None, no_model: bool) -> None:
    """Write the page of SWEEP as one HTML file, which needs no server and no network."""
    recorded, templates, records = in_cluster(lambda cluster: _read(cluster, sweep))
    path = output or Path(f"{sweep}-report.html")
    write_report(recorded, templates, path, "kubectl sweep", records, no_model=no_model)


async def _read(cluster: Cluster, sweep: str) -> tuple[Recorded, Templates, RunRecords]:
    recorded, templates = await recorded_if_allowed(cluster, sweep)
    events = await events_by_run(cluster, recorded.sweep.name, ((r.metadata.uid, r.name) for r in recorded.runs))
    return recorded, templates, RunRecords(events)
