"""``kubectl sweep import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep_operator.cli.import_ import import_options
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options

if TYPE_CHECKING:
    from sweep_operator.cli.imported_runs import ImportFile, Imports


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.argument("sweep", type=SWEEP_NAME, metavar="SWEEP", shell_complete=complete_sweeps)
@import_options
@cluster_options
def import_(
    file: Path,
    sweep: str,
    mapped: tuple[str, ...],
    given: tuple[str, ...],
    metric: str | None,
    cost: str | None,
    ignore_unknown: bool,
    dry_run: bool,
) -> None:
    """Add runs that were made elsewhere to SWEEP: each becomes a SweepRun that is recorded, and nothing is run.

    FILE is CSV with a header or JSON lines, as `sweep export` writes them (-: standard input). Importing a file twice
    changes nothing. Nothing is imported from a file in which anything is wrong.

    \b
      kubectl sweep import old.csv cartpole --map trainer.lr=lr --metric accuracy
    """
    from sweep_operator.cli.best_params import sweep_name
    from sweep_operator.cli.import_ import tell
    from sweep_operator.cli.imported_runs import ImportFile, names_of, values_of

    source = ImportFile(file, names_of(mapped, metric, cost), values_of(given), ignore_unknown)
    tell(in_cluster(lambda cluster: _import(cluster, sweep_name(sweep), source, dry_run)), dry_run)


async def _import(cluster: Cluster, name: str, source: ImportFile, dry_run: bool) -> Imports:
    from sweep_operator.api.errors import parse
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.cli.imported_runs import imports_of
    from sweep_operator.kube.protocol import AlreadyExists, Kind
    from sweep_operator.kubectl.status import read_objects

    obj, runs = await read_objects(cluster, name)
    found = imports_of(source, parse(Sweep, obj), [parse(SweepRun, r) for r in runs])
    for body in found.bodies if not dry_run else ():
        try:
            await cluster.kube.create(
                Kind.SWEEP_RUN, {**body, "metadata": {**body["metadata"], "namespace": cluster.namespace}}
            )
        except AlreadyExists:
            continue  # somebody else imports the same: the name says what it holds
    return found
