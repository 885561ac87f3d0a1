"""``sweep run`` and ``sweep rollout``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from sweep_operator.cli.failures import FAILED, INTERRUPTED
from sweep_operator.cli.options import DEFAULT_RUNS_DIR, OVERRIDES_FOLLOW, config_and_overrides, config_dir, runs_dir


@click.command(context_settings=OVERRIDES_FOLLOW)
@config_and_overrides()
@config_dir()
@runs_dir()
@click.option("--plain", is_flag=True, help="One line per event, also on a terminal.")
def run(arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None, plain: bool) -> None:
    """Run a sweep on this machine until one of its limits is reached.

    Ctrl-C lets running jobs finish, a second one stops them; the same command goes on where it was.
    Exit code: 0 the sweep succeeded, 1 it failed, 2 bad input, 130 interrupted.
    """
    _start(arguments, config_dir, runs_dir, plain, new_runs=None)


@click.command(context_settings=OVERRIDES_FOLLOW)
@config_and_overrides()
@config_dir()
@runs_dir()
@click.option("--plain", is_flag=True, help="One line per event, also on a terminal.")
def rollout(arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None, plain: bool) -> None:
    """Run one iteration: one suggestion, trained, evaluated, learned from."""
    _start(arguments, config_dir, runs_dir, plain, new_runs=1)


def _start(
    arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None, plain: bool, *, new_runs: int | None
) -> None:
    import asyncio
    from datetime import UTC, datetime

    from sweep_operator.api.errors import parse
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.cli.checks import check_sources
    from sweep_operator.cli.driver import drive
    from sweep_operator.cli.stored import STATE
    from sweep_operator.config.load import load_sweep
    from sweep_operator.local import LocalSession
    from sweep_operator.views.live import LineView, TableView, View

    loaded = load_sweep(arguments, config_dir, runs_dir)
    session = LocalSession(loaded.runs_dir, loaded.manifest, extras=loaded.extras)
    if not (session.directory / STATE).exists():  # a sweep that goes on has read its sources
        check_sources(parse(Sweep, loaded.manifest))
    for note in loaded.notes:
        click.echo(f"note: {note}", err=True)
    view: View
    if sys.stdout.isatty() and not plain:
        from rich.console import Console

        view = TableView(Console(), lambda: datetime.now(UTC))
    else:
        view = LineView(_write_line)
    try:
        ended = asyncio.run(drive(session, view, new_runs=new_runs))
    finally:
        view.close()
    _summary(ended, session.directory)
    if ended.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if not ended.succeeded:
        raise click.exceptions.Exit(FAILED)


def _summary(ended: Any, directory: Path) -> None:
    from sweep_operator.config.patch import typed_parameters, yaml_block
    from sweep_operator.decide.summary import ranked
    from sweep_operator.views.progress import stop_reason, tracking_lines

    sweep, runs = ended.sweep, ended.runs
    reason = stop_reason(sweep)
    click.echo()
    if ended.interrupted:
        click.echo("Interrupted. The same command goes on where it was.")
    elif reason:
        click.echo(reason)
    scored = ranked(sweep, runs)
    if scored:
        best = scored[0]
        cost = "" if best.status.cost is None else f", cost {best.status.cost:.4g}"
        click.echo(f"Best: {best.status.run_name or best.name}, score {best.status.score:.4f}{cost}\n")
        click.echo(yaml_block(typed_parameters(sweep, best.parameters)) + "\n")
    else:
        click.echo("No run has a score.")
        failure = next((r.status.failure for r in reversed(runs) if r.status.failure), None)
        if failure is not None:
            click.echo(f"Last failure: {failure.reason}: {failure.message}")
    click.echo(f"Runs:   {directory / 'runs'}")
    where = "" if directory.parent == DEFAULT_RUNS_DIR.resolve() else f" --runs-dir {directory.parent}"
    for line in tracking_lines(sweep, runs, where):
        click.echo(f"W&B:    {line}")
    if scored:
        click.echo(f"Patch:  sweep best-params sweep_run={sweep.display_name}{where}")
        click.echo(f"Report: sweep report {sweep.display_name}{where}")


def _write_line(line: str) -> None:
    print(line, flush=True)
