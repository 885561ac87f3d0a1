"""``sweep sync``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sweep_operator.cli.failures import FAILED
from sweep_operator.cli.options import DEFAULT_RUNS_DIR, runs_dir
from sweep_operator.config.errors import ConfigError


@click.command()
@click.argument("name")
@click.option("--project", help="W&B project, in place of the sweep's own.")
@click.option("--entity", help="User or team that owns it, in place of the sweep's own.")
@runs_dir(DEFAULT_RUNS_DIR)
def sync(name: str, project: str | None, entity: str | None, runs_dir: Path) -> None:
    """Deliver the finished runs of sweep NAME to W&B, each once, whatever its mode was.

    \b
    For sweeps that ran in mode offline, or while W&B was out of reach. What is there already is left alone.
    Exit code: 0 everything is there, 1 something is missing (the message says why).
    """
    import asyncio

    from sweep_operator.cli.stored import STATE, stored_sweep
    from sweep_operator.local.sync import sync as deliver

    def say(delivered: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{delivered} of {of} finished runs are in W&B", nl=False, err=True)

    stored = stored_sweep(runs_dir, name.removeprefix("sweep_run="))
    try:
        outcome = asyncio.run(deliver(stored.directory / STATE, project=project, entity=entity, say=say))
    except LookupError as error:
        raise ConfigError(str(error)) from None
    if sys.stderr.isatty():
        click.echo(err=True)
    click.echo(f"{outcome.delivered} of {outcome.delivered + outcome.missing} finished runs are in W&B")
    if outcome.url:
        click.echo(outcome.url)
    if outcome.missing:
        click.echo(outcome.problem or "the rest was not tried", err=True)
        raise click.exceptions.Exit(FAILED)
