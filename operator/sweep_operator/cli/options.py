"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# Values such as -3 or +hardware=macbook must not be taken for options.
OVERRIDES_FOLLOW = {"ignore_unknown_options": True}
DEFAULT_RUNS_DIR = Path("train_dir/sweep")


def config_and_overrides() -> Decorator:
    """``[CONFIG] [key=value ...]``, passed as ``arguments``."""
    return click.argument("arguments", nargs=-1, metavar="[CONFIG] [key=value ...]")


def config_dir() -> Decorator:
    """``--config-dir``."""
    return click.option(
        "--config-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory of sweep_job.yaml. [./configs]",
    )


def runs_dir(default: Path | None = None) -> Decorator:
    """``--runs-dir``; without a default, the configuration's ``runs_dir`` holds."""
    shown = f"Where sweeps lie. [{default or 'runs_dir of the configuration, ./train_dir/sweep'}]"
    return click.option(
        "--runs-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=default,
        help=shown,
        envvar="SWEEP_RUNS_DIR",
    )


def output_format() -> Decorator:
    """``-o table|json|yaml``."""
    return click.option(
        "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", help="Format. [table]"
    )
