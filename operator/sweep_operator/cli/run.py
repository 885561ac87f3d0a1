"""``sweep run`` and ``sweep rollout``.

``start`` is imported inside functions: it loads the whole local operator, which --help and completion do not need.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sweep_operator.commands.options import OVERRIDES_FOLLOW, config_and_overrides, config_dir, runs_dir


def _run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    plain = click.option("--plain", is_flag=True, help="Print one line per event, even on a terminal.")
    page = click.option(
        "--ui", "page", is_flag=True, help="Serve the page of the sweep while it runs, and print its URL."
    )
    return config_and_overrides(config_dir(runs_dir()(plain(page(command)))))


@click.command(context_settings=OVERRIDES_FOLLOW)
@_run_options
def run(arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None, plain: bool, page: bool) -> None:
    """Run a sweep on this machine until it reaches one of its limits.

    Press Ctrl-C once to let running jobs finish, twice to stop them. The same command resumes the sweep.
    Exit code: 0 the sweep succeeded, 1 it failed, 2 invalid input, 3 it succeeded but W&B does not have all results,
    130 interrupted.
    """
    from sweep_operator.cli.start import Shown, start

    start(arguments, config_dir, runs_dir, Shown(plain, page), new_runs=None)


@click.command(context_settings=OVERRIDES_FOLLOW)
@_run_options
def rollout(
    arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None, plain: bool, page: bool
) -> None:
    """Run one iteration: suggest parameters, train, evaluate, and record the result."""
    from sweep_operator.cli.start import Shown, start

    start(arguments, config_dir, runs_dir, Shown(plain, page), new_runs=1)
