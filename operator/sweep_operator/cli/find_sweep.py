"""A sweep by name, wherever it is: in a directory of this machine, else in W&B."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep_operator.cli.stored import StoredSweep, stored_sweep
from sweep_operator.cli.wandb_place import Place, ask_wandb, says_wandb
from sweep_operator.config.errors import ConfigError

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.tracking.history.messages import HistoryAnswer

SOURCES = ("local", "wandb")
from_option = click.option(
    "--from", "source", type=click.Choice(SOURCES), help="Where to look. [this machine, then W&B if it is set up]"
)
"""``--from``."""


def find_sweep(name: str, runs_dir: Path, source: str | None, place: Place) -> tuple[Sweep, list[SweepRun]]:
    """The sweep and its runs, as ``look_up`` finds them."""
    found = look_up(name, runs_dir, source, place)
    if isinstance(found, StoredSweep):
        return found.parsed()
    from sweep_operator.tracking.history.objects import objects_of_answer

    return objects_of_answer(found)


def look_up(name: str, runs_dir: Path, source: str | None, place: Place) -> StoredSweep | HistoryAnswer:
    """What there is of that name: on this machine, unless W&B is named; then in W&B, if anything speaks of it.

    Raises ConfigError, naming the places that were looked at; WandbUnreadable, when W&B cannot be reached just now.
    """
    if source == "wandb" or (source is None and place.named):
        return _in_wandb(name, place, [])
    try:
        return stored_sweep(runs_dir, name)
    except ConfigError as missing:
        if source == "local":
            raise
        if says_wandb(place):
            found = _in_wandb(name, place, missing.problems)
            click.echo(f"note: {name} is not on this machine; this is W&B's", err=True)
            return found
        *others, last = missing.problems
        raise ConfigError([*others, f"{last}; --project P looks for it in W&B"]) from None


def _in_wandb(name: str, place: Place, missing: list[str]) -> HistoryAnswer:
    from sweep_operator.tracking.history.reader import WandbUnreadable

    try:
        return ask_wandb(name, place)
    except WandbUnreadable as error:
        if not missing and not error.lasting:
            raise
        raise ConfigError([*missing, str(error)]) from None
