"""A sweep by name, wherever it is: in a directory of this machine, else in W&B."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep_operator.cli.wandb_place import Place, ask_wandb, says_wandb
from sweep_operator.config.errors import ConfigError

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun

SOURCES = ("local", "wandb")


from_option = click.option(
    "--from", "source", type=click.Choice(SOURCES), help="Where to look. [this machine, then W&B if it is set up]"
)
"""``--from``."""


def find_sweep(name: str, runs_dir: Path, source: str | None, place: Place) -> tuple[Sweep, list[SweepRun]]:
    """The sweep and its runs. Raises ConfigError naming the places that were looked at."""
    if source == "local" or (source is None and not place.named):
        try:
            return read_stored(name, runs_dir)
        except ConfigError as missing:
            if source == "local":
                raise
            if not says_wandb(place):
                *others, last = missing.problems
                raise ConfigError([*others, f"{last}; --project P looks for it in W&B"]) from None
            return read_wandb(name, place, missing.problems)
    return read_wandb(name, place)


def read_stored(name: str, runs_dir: Path) -> tuple[Sweep, list[SweepRun]]:
    """The sweep of that name in ``runs_dir``. Raises ConfigError."""
    from sweep_operator.api.errors import parse
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.cli.stored import stored_sweep

    stored = stored_sweep(runs_dir, name)
    return parse(Sweep, stored.sweep), [parse(SweepRun, r) for r in stored.runs]


def read_wandb(name: str, place: Place, missing: list[str] | None = None) -> tuple[Sweep, list[SweepRun]]:
    """The sweep of that name in W&B. Raises ConfigError; ``missing``: where it was not found before."""
    from sweep_operator.tracking.history import WandbUnreadable
    from sweep_operator.tracking.history_objects import objects_of_answer

    try:
        found = objects_of_answer(ask_wandb(name, place))
        if missing is not None:
            click.echo(f"note: {name} is not on this machine; this is W&B's", err=True)
        return found
    except WandbUnreadable as error:
        if missing is None and not error.lasting:
            raise
        raise ConfigError([*(missing or []), str(error)]) from None
