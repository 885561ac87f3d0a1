"""Find a sweep by name: in a directory of this machine, else in W&B."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.cli.lookup import Lookup
from sweep_operator.cli.wandb_place import Place, ask_wandb, place_of, says_wandb
from sweep_operator.commands.output import echo
from sweep_operator.commands.recorded import Recorded
from sweep_operator.config.errors import ConfigError
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.machine.stored import StoredSweep, Unreadable, stored_sweep
from sweep_operator.tracking.history.messages import HistoryAnswer
from sweep_operator.tracking.history.objects import objects_of_answer
from sweep_operator.tracking.history.reader import WandbUnreadable


def find_sweep(name: str, arguments: Sequence[str], lookup: Lookup) -> tuple[Recorded, dict[str, RunTemplate]]:
    """The sweep with its runs, and the templates that they used, found as by ``look_up``."""
    found = look_up(name, arguments, lookup)
    if isinstance(found, StoredSweep):
        return Recorded(*found.parsed(), found.config_maps()), found.templates()
    return Recorded(*objects_of_answer(found)), {}


def look_up(name: str, arguments: Sequence[str], lookup: Lookup) -> StoredSweep | HistoryAnswer:
    """The sweep on this machine, unless options or ``arguments`` select W&B; else in W&B, if W&B is configured.

    Raises ConfigError, which names the places searched, and WandbUnreadable for a temporary failure of W&B.
    """
    place = place_of(arguments, entity=lookup.entity, project=lookup.project, base_url=lookup.base_url)
    if lookup.source == "wandb" or (lookup.source is None and place.named):
        return _in_wandb(name, place, [])
    try:
        return stored_sweep(lookup.runs_dir, name)
    except ConfigError as missing:
        if lookup.source == "local":
            raise
        if says_wandb(place):
            found = _in_wandb(name, place, missing.problems)
            why = missing.problems[0] if isinstance(missing, Unreadable) else f"{name} is not on this machine"
            echo(f"note: {why}; using the sweep in W&B", err=True)
            return found
        first, *others = missing.problems
        raise ConfigError([f"{first}; use --project P to look in W&B", *others]) from None


def _in_wandb(name: str, place: Place, missing: list[str]) -> HistoryAnswer:
    try:
        return ask_wandb(name, place)
    except WandbUnreadable as error:
        if not missing and not error.lasting:
            raise
        raise ConfigError([*missing, str(error)]) from None
