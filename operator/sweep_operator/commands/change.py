"""A change of sweeps, written once for the commands and the page: where it happens, what it says, and its command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sweep_operator.commands.output import echo
from sweep_operator.commands.place import Place
from sweep_operator.config.errors import ConfigError
from sweep_operator.config.yaml_files import parse_value
from sweep_operator.domain.value_text import float_text


class Output(Protocol):
    """Takes what a change says."""

    def say(self, line: str) -> None:
        """A result."""
        ...

    def note(self, line: str) -> None:
        """What the user has to know besides."""
        ...


class Printed:
    """Prints results to standard output, and notes to standard error."""

    def say(self, line: str) -> None:
        """Print a result."""
        echo(line)

    def note(self, line: str) -> None:
        """Print a note."""
        echo(f"note: {line}", err=True)


@dataclass(frozen=True)
class Change:
    """Where a change happens, and who is told."""

    place: Place
    output: Output
    program: str
    """``sweep`` or ``kubectl sweep``, for commands in messages."""
    dry_run: bool = False
    """Check it and give the notes, but change nothing."""


def printed(place: Place, program: str) -> Change:
    """A change of the command ``program``."""
    return Change(place, Printed(), program)


def command_line(program: str, words: Sequence[str]) -> str:
    """The command, quoted for a POSIX shell."""
    return shlex.join([*program.split(), *words])


def assignment(path: str, value: str | float | bool | None) -> str:
    """``path=value`` that is read as exactly this value."""
    text = float_text(value) if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    return f"{path}={text}" if _is_read_as(text, value) else f"{path}={json.dumps(value)}"


def _is_read_as(text: str, value: object) -> bool:
    try:
        read = parse_value(text, text)
    except ConfigError:
        return False
    return type(read) is type(value) and read == value
