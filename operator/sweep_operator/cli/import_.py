"""``sweep import``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep_operator.cli.options import DEFAULT_RUNS_DIR, runs_dir

if TYPE_CHECKING:
    from sweep_operator.cli.imported_runs import Imports
    from sweep_operator.cli.stored import StoredSweep


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a file calls things."""
    options = (
        click.option("--map", "mapped", multiple=True, metavar="PARAMETER=NAME",
                     help="What the file calls a parameter, where it differs (repeatable)."),
        click.option("--set", "given", multiple=True, metavar="PARAMETER=VALUE",
                     help="Value of a parameter that the file does not have (repeatable)."),
        click.option("--metric", help="What the file calls the score. [score, or the sweep's metric]"),
        click.option("--cost", help="What the file calls the cost. [cost]"),
        click.option("--ignore-unknown", is_flag=True, help="Leave out what the sweep does not search."),
        click.option("--dry-run", is_flag=True, help="Check the file, and import nothing."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.argument("sweep", metavar="sweep_run=NAME")
@import_options
@runs_dir(DEFAULT_RUNS_DIR)
def import_(
    file: Path,
    sweep: str,
    mapped: tuple[str, ...],
    given: tuple[str, ...],
    metric: str | None,
    cost: str | None,
    ignore_unknown: bool,
    dry_run: bool,
    runs_dir: Path,
) -> None:
    """Add runs that were made elsewhere to a sweep of this machine: its optimizer learns from them.

    FILE is CSV with a header or JSON lines, as `sweep export` writes them (-: standard input). Importing a file twice
    changes nothing. Nothing is imported from a file in which anything is wrong.

    \b
      sweep init run=my_sweep sweep=quick                   # if there is none yet
      sweep import old.csv sweep_run=my_sweep --map trainer.lr=lr --metric accuracy
      sweep run run=my_sweep sweep=quick
    """
    from sweep_operator.cli.best_params import sweep_name
    from sweep_operator.cli.imported_runs import ImportFile, imports_of, names_of, values_of
    from sweep_operator.cli.stored import stored_sweep

    names = names_of(mapped, metric, cost)
    source = ImportFile(file, names, values_of(given), ignore_unknown)
    stored = stored_sweep(runs_dir, sweep_name(sweep))
    found = imports_of(source, *stored.parsed())
    if not dry_run:
        import asyncio

        asyncio.run(_create(stored, found))
    tell(found, dry_run)


def tell(found: Imports, dry_run: bool) -> None:
    """What was imported, and what was not."""
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    known = f"; {found.known} were there already" if found.known else ""
    runs = "1 run" if len(found.bodies) == 1 else f"{len(found.bodies)} runs"
    click.echo(f"{'would import' if dry_run else 'imported'} {runs}{known}")


async def _create(stored: StoredSweep, found: Imports) -> None:
    """The runs with what they say, and the sweep's counters: `sweep run` need not come first. Raises KubeError."""
    import itertools
    from datetime import UTC, datetime, timedelta

    from sweep_operator.api.errors import parse
    from sweep_operator.api.names import SWEEP_LABEL
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.cli.stored import STATE
    from sweep_operator.decide import summary
    from sweep_operator.decide.record import imported_status
    from sweep_operator.kube.embedded.server import EmbeddedKube
    from sweep_operator.kube.protocol import Kind
    from sweep_operator.local.admission import admit

    now = datetime.now(UTC)
    moments = (now + timedelta(microseconds=n) for n in itertools.count())  # the file's order, oldest first
    kube = EmbeddedKube(stored.directory / STATE, clock=lambda: next(moments), admission=admit)
    try:
        for body in found.bodies:
            name = body["spec"]["sweepName"]
            metadata = {**body["metadata"], "namespace": stored.namespace, "labels": {SWEEP_LABEL: name}}
            created = await kube.create(Kind.SWEEP_RUN, {**body, "metadata": metadata})
            run = parse(SweepRun, created)
            assert run.spec.observation is not None
            status = imported_status(run, run.spec.observation, run.spec.parameters, run.name, now)
            await kube.update_status(Kind.SWEEP_RUN, {**created, "status": status.to_json()})
        obj = await kube.get(Kind.SWEEP, stored.namespace, stored.sweep["metadata"]["name"])
        sweep = parse(Sweep, obj)
        runs = [parse(SweepRun, r) for r in (await kube.list(Kind.SWEEP_RUN, stored.namespace)).items]
        told = sweep.status.with_(
            runs=summary.count_runs(runs),
            best=summary.best_runs(sweep, runs),
            pareto=summary.pareto_front(sweep, runs),
        )
        await kube.update_status(Kind.SWEEP, {**obj, "status": told.to_json()})
    finally:
        kube.close()
