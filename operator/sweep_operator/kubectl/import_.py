"""``kubectl sweep import``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import parsed_sweep
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import ImportOptions, import_options, sweep_name
from sweep_operator.commands.rows import import_file, report_imports
from sweep_operator.exchange.import_file import ImportFile, Imports, imports_of
from sweep_operator.kube.protocol import AlreadyExists, Kind
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.argument("sweep", type=SWEEP_NAME, metavar="SWEEP", shell_complete=complete_sweeps)
@import_options
@cluster_options
def import_(file: Path, sweep: str, options: ImportOptions) -> None:
    """Import completed runs from FILE into SWEEP. Each becomes a SweepRun with its result; no Job is created.

    FILE is CSV with a header or JSON lines, as written by `sweep export` (-: standard input). Importing the same file
    twice has no effect. If FILE contains an error, nothing is imported.

    \b
        kubectl sweep import old.csv cartpole --map trainer.lr=lr --metric accuracy
    """
    source = import_file(file, options)
    found = in_cluster(lambda cluster: _import(cluster, sweep_name(sweep), source, options.dry_run))
    report_imports(found, options.dry_run)


async def _import(cluster: Cluster, name: str, source: ImportFile, dry_run: bool) -> Imports:
    found = imports_of(source, *await parsed_sweep(cluster, name))
    for body in found.bodies if not dry_run else ():
        try:
            await cluster.kube.create(
                Kind.SWEEP_RUN, {**body, "metadata": {**body["metadata"], "namespace": cluster.namespace}}
            )
        except AlreadyExists:
            continue  # a concurrent import of the same run: the name is a digest of the content
    return found
