"""The W&B project of a command, from options, ``wandb.project=`` arguments, the configuration or WANDB_* variables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep_operator.cli.lookup import CLOUD, DEFAULT_PROJECT
from sweep_operator.commands.output import echo
from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.compose import JOB, compose_job, find_config_dir
from sweep_operator.config.errors import ConfigError
from sweep_operator.tracking.history.messages import HistoryAnswer, HistoryQuestion
from sweep_operator.tracking.history.reader import WandbHistory

_FIELDS = ("entity", "project", "base_url")
_KEYS = {f"wandb.{field}": field for field in _FIELDS}


@dataclass(frozen=True)
class Place:
    """A W&B project. None: the value of the configuration, the environment or W&B's default applies."""

    entity: str | None = None
    project: str | None = None
    base_url: str | None = None
    group: str | None = None
    """The configuration's ``wandb=GROUP``."""

    @property
    def named(self) -> bool:
        """Whether options or arguments of this command refer to W&B."""
        return any((self.entity, self.project, self.base_url, self.group))


def place_of(arguments: Sequence[str], **options: str | None) -> Place:
    """The place in options and ``wandb.entity=NAME`` arguments; options win. Raises ConfigError."""
    given: dict[str, str] = {}
    for raw in arguments:
        argument = parse_argument(raw)
        if argument.key == "wandb":
            given["group"] = argument.text
        elif argument.key in _KEYS:
            given[_KEYS[argument.key]] = argument.text
        else:
            raise ConfigError(f"{raw}: unknown key {argument.key!r}; known are sweep_run, {', '.join(_KEYS)}, wandb")
    return Place(**{**given, **{k: v for k, v in options.items() if v}})


def complete_place(place: Place, environ: Mapping[str, str] = os.environ) -> Place:
    """``place`` completed from the configuration and the environment. Raises ConfigError."""
    if place.group or not (place.entity and place.project):
        place = _filled(place, _configured(place.group))
    from_environment = {field: environ.get(f"WANDB_{field.upper()}") for field in _FIELDS}
    return _filled(place, from_environment)


def says_wandb(place: Place, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this command or the environment refers to W&B."""
    return place.named or any(environ.get(f"WANDB_{name}") for name in ("API_KEY", "PROJECT", "ENTITY", "BASE_URL"))


def ask_wandb(name: str, place: Place) -> HistoryAnswer:
    """The sweep with that name or id and all its runs, newest first. Raises WandbUnreadable, ConfigError."""
    place = complete_place(place)
    question = HistoryQuestion(entity=place.entity, project=place.project or DEFAULT_PROJECT, sweep_name=name)
    answer = asyncio.run(WandbHistory(seconds=600).ask((place.base_url or CLOUD).rstrip("/"), question))
    if answer.older and answer.sweep is not None:
        others = ", ".join(answer.older[-5:])
        text = f"{len(answer.older) + 1} W&B sweeps are named {name}; using the newest, {answer.sweep.id}"
        echo(f"note: {text}; to select another one, use its id: {others}", err=True)
    return answer


def _filled(place: Place, found: Mapping[str, Any]) -> Place:
    missing = {f: str(found[f]) for f in _FIELDS if getattr(place, f) is None and found.get(f)}
    return replace(place, **missing)


def _configured(group: str | None) -> Mapping[str, Any]:
    """The ``wandb`` block of the job configuration; {} without a configuration."""
    try:
        directory: Path = find_config_dir(None)
    except ConfigError:
        if group is not None:
            raise
        return {}
    arguments = ["run=_", *([f"wandb={group}"] if group is not None else [])]
    found = compose_job(directory, JOB, [parse_argument(a) for a in arguments]).config.get("wandb")
    return found if isinstance(found, Mapping) else {}
