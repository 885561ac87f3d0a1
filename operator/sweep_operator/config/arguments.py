"""Command-line arguments: ``run=my_experiment +hardware=macbook trainer.total_timesteps=20000``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweep_operator.config.errors import ConfigError
from sweep_operator.config.yaml_files import parse_value

_ARGUMENT = re.compile(r"(?P<prefix>\+{0,2})(?P<key>[A-Za-z_][\w./@:-]*)=(?P<text>.*)", re.DOTALL)
_DELETION = re.compile(r"~[A-Za-z_][\w./@:-]*(=.*)?", re.DOTALL)


@dataclass(frozen=True)
class Argument:
    """One ``key=value`` argument. ``raw`` is the argument as typed; ``prefix`` is its ``+``, ``++`` or ``~``."""

    raw: str
    prefix: str
    key: str
    text: str

    @property
    def value(self) -> Any:
        """The value, read as YAML 1.2."""
        return parse_value(self.text, self.raw)


def split_arguments(arguments: Sequence[str]) -> tuple[str | None, list[Argument]]:
    """Return the CONFIG file (None if the first argument is an override) and the overrides. Raises ConfigError."""
    rest = list(arguments)
    config = rest.pop(0) if rest and not _looks_like_override(rest[0]) else None
    return config, [parse_argument(a) for a in rest]


def parse_argument(raw: str) -> Argument:
    """Split ``raw`` into its parts. Raises ConfigError."""
    found = _ARGUMENT.fullmatch(raw)
    if found is not None:
        return Argument(raw, found["prefix"], found["key"], found["text"])
    if _DELETION.fullmatch(raw):
        key, _, text = raw[1:].partition("=")
        return Argument(raw, "~", key, text)
    if raw.startswith("-"):
        raise ConfigError(f"unknown option {raw!r}; see --help")
    raise ConfigError(f"{raw!r} is not a valid override; write key=value, as in trainer.total_timesteps=20000")


def _looks_like_override(text: str) -> bool:
    return _ARGUMENT.fullmatch(text) is not None or _DELETION.fullmatch(text) is not None
