"""``sweep import``."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.api.stored import read, with_status
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, ImportOptions, import_options, runs_dir, sweep_name
from sweep_operator.commands.rows import import_file, report_imports
from sweep_operator.decide import summary
from sweep_operator.decide.record import imported_status
from sweep_operator.exchange.import_file import Imports, imports_of
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.local.admission import admit
from sweep_operator.machine.stored import STATE, StoredSweep, stored_sweep


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.argument("sweep", metavar="sweep_run=NAME", shell_complete=complete_sweeps)
@import_options
@runs_dir(DEFAULT_RUNS_DIR)
def import_(file: Path, sweep: str, options: ImportOptions, runs_dir: Path) -> None:
    """Import completed runs from FILE into a sweep on this machine. The optimizer learns from them.

    FILE is CSV with a header or JSON lines, as written by `sweep export` (-: standard input). Importing the same file
    twice has no effect. If FILE contains an error, nothing is imported.

    \b
        sweep init run=my_sweep sweep=quick                   # if the sweep does not exist yet
        sweep import old.csv sweep_run=my_sweep --map trainer.lr=lr --metric accuracy
        sweep run run=my_sweep sweep=quick
    """
    source = import_file(file, options)
    stored = stored_sweep(runs_dir, sweep_name(sweep))
    found = imports_of(source, *stored.parsed())
    if not options.dry_run:
        asyncio.run(_create(stored, found))
    report_imports(found, options.dry_run)


async def _create(stored: StoredSweep, found: Imports) -> None:
    """Create all runs with their status, or none. Update the sweep's counters, so that no `sweep run` is needed first.

    Raises KubeError.
    """
    now = datetime.now(UTC)
    moments = (now + timedelta(microseconds=n) for n in itertools.count())  # keeps the order of the file
    path = stored.directory / STATE
    with closing(EmbeddedKube(path, clock=lambda: next(moments), admission=admit)) as kube, kube.together():
        for body in found.bodies:
            name = body["spec"]["sweepName"]
            metadata = {**body["metadata"], "namespace": stored.namespace, "labels": {SWEEP_LABEL: name}}
            created = await kube.create(Kind.SWEEP_RUN, {**body, "metadata": metadata})
            run = read(SweepRun, created)
            assert run.spec.observation is not None
            status = imported_status(run, run.spec.observation, run.spec.parameters, run.name, now)
            await kube.update_status(Kind.SWEEP_RUN, with_status(created, status))
        obj = await kube.get(Kind.SWEEP, stored.namespace, stored.sweep["metadata"]["name"])
        sweep = read(Sweep, obj)
        runs = [read(SweepRun, r) for r in (await kube.list(Kind.SWEEP_RUN, stored.namespace)).items]
        totals = summary.totals(sweep, runs)
        status_of_sweep = sweep.status.with_(runs=totals.counts(), best=totals.best(), pareto=totals.pareto())
        await kube.update_status(Kind.SWEEP, with_status(obj, status_of_sweep))
