"""``sweep sync``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.failures import FAILED
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir, sweep_name
from sweep_operator.commands.output import echo
from sweep_operator.config.errors import ConfigError
from sweep_operator.local.sync import sync as deliver
from sweep_operator.machine.stored import STATE, stored_sweep


@click.command()
@click.argument("name", shell_complete=complete_sweeps)
@click.option("--project", help="W&B project to use instead of the sweep's own.")
@click.option("--entity", help="W&B user or team to use instead of the sweep's own.")
@runs_dir(DEFAULT_RUNS_DIR)
def sync(name: str, project: str | None, entity: str | None, runs_dir: Path) -> None:
    """Deliver the finished runs of sweep NAME to W&B, each exactly once, whatever the sweep's W&B mode was.

    \b
    Use it for sweeps that ran in offline mode or while W&B was unreachable. Runs already in W&B are not changed.
    Exit code: 0 all runs are in W&B, 1 some are missing (the message says why).
    """
    terminal = sys.stderr.isatty()

    def say(delivered: int, of: int) -> None:
        if terminal:
            click.echo(f"\r{delivered} of {of} finished runs are in W&B", nl=False, err=True)

    stored = stored_sweep(runs_dir, sweep_name(name))
    try:
        result = asyncio.run(deliver(stored.directory / STATE, project=project, entity=entity, say=say))
    except LookupError as error:
        raise ConfigError(str(error)) from None
    if terminal:
        echo(err=True)
    echo(f"{result.delivered} of {result.delivered + result.missing} finished runs are in W&B")
    if result.url:
        echo(result.url)
    if result.missing:
        echo(result.problem or "the remaining runs were skipped", err=True)
        raise click.exceptions.Exit(FAILED)
