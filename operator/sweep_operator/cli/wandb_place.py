"""Which W&B project a command is about: options, ``wandb.project=`` arguments, the configuration, WANDB_* variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.errors import ConfigError

if TYPE_CHECKING:
    from sweep_operator.tracking.history.messages import HistoryAnswer

CLOUD = "https://api.wandb.ai"
DEFAULT_PROJECT = "sweeps"
_FIELDS = ("entity", "project", "base_url")
_KEYS = {f"wandb.{field}": field for field in _FIELDS}


@dataclass(frozen=True)
class Place:
    """A W&B project. None: as the configuration, the environment or W&B itself has it."""

    entity: str | None = None
    project: str | None = None
    base_url: str | None = None
    group: str | None = None
    """The configuration's ``wandb=GROUP``."""

    @property
    def named(self) -> bool:
        """Whether the user has said anything of W&B to this command."""
        return any((self.entity, self.project, self.base_url, self.group))


def wandb_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--entity``, ``--project`` and ``--base-url``."""
    options = (
        click.option("--entity", help="W&B user or team. [the configuration's, $WANDB_ENTITY, the key's own]"),
        click.option("--project", help=f"W&B project. [the configuration's, $WANDB_PROJECT, {DEFAULT_PROJECT}]"),
        click.option("--base-url", help=f"W&B server. [the configuration's, $WANDB_BASE_URL, {CLOUD}]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def place_of(
    arguments: Sequence[str], entity: str | None = None, project: str | None = None, base_url: str | None = None
) -> Place:
    """What options and ``wandb.entity=NAME`` arguments say; options win. Raises ConfigError for other arguments."""
    said: dict[str, str] = {}
    for raw in arguments:
        argument = parse_argument(raw)
        if argument.key == "wandb":
            said["group"] = argument.text
        elif argument.key in _KEYS:
            said[_KEYS[argument.key]] = argument.text
        else:
            known = ", ".join([*_KEYS, "wandb"])
            raise ConfigError(f"{raw}: {argument.key!r} is not known here; known are sweep_run, {known}")
    options = {"entity": entity, "project": project, "base_url": base_url}
    return Place(**{**said, **{k: v for k, v in options.items() if v}})


def complete_place(place: Place, environ: Mapping[str, str] = os.environ) -> Place:
    """``place`` with what the configuration and the environment say. Raises ConfigError."""
    if place.group or not (place.entity and place.project):
        place = _filled(place, _configured(place.group))
    from_environment = {field: environ.get(f"WANDB_{field.upper()}") for field in _FIELDS}
    return _filled(place, from_environment)


def says_wandb(place: Place, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether anything suggests that W&B is used here."""
    return place.named or any(environ.get(f"WANDB_{name}") for name in ("API_KEY", "PROJECT", "ENTITY", "BASE_URL"))


def ask_wandb(name: str, place: Place) -> HistoryAnswer:
    """The sweep of that name (or id) with all its runs, the newest first. Raises WandbUnreadable, ConfigError."""
    import asyncio

    from sweep_operator.tracking.history.messages import HistoryQuestion
    from sweep_operator.tracking.history.reader import WandbHistory

    place = complete_place(place)
    question = HistoryQuestion(entity=place.entity, project=place.project or DEFAULT_PROJECT, sweep_name=name)
    answer = asyncio.run(WandbHistory(seconds=600).ask((place.base_url or CLOUD).rstrip("/"), question))
    if answer.older and answer.sweep is not None:
        others = ", ".join(answer.older[-5:])
        text = f"{len(answer.older) + 1} W&B sweeps are called {name}; this is the newest, {answer.sweep.id}"
        click.echo(f"note: {text}; the others by their id: {others}", err=True)
    return answer


def _filled(place: Place, found: Mapping[str, Any]) -> Place:
    missing = {f: str(found[f]) for f in _FIELDS if getattr(place, f) is None and found.get(f)}
    return replace(place, **missing)


def _configured(group: str | None) -> Mapping[str, Any]:
    """The block ``wandb`` of the job configuration, if there is one here."""
    from sweep_operator.config.arguments import Argument
    from sweep_operator.config.compose import JOB, compose_job, find_config_dir

    try:
        directory: Path = find_config_dir(None)
    except ConfigError:
        if group is not None:
            raise
        return {}
    arguments = [Argument("run=_", "", "run", "_")]
    if group is not None:
        arguments.append(Argument(f"wandb={group}", "", "wandb", group))
    found = compose_job(directory, JOB, arguments).config.get("wandb")
    return found if isinstance(found, Mapping) else {}
