"""Errors in a configuration file or an argument."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_MAX_KNOWN = 15


class ConfigError(ValueError):
    """``problems`` has one line per problem: its place, the problem, and the remedy."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("; ".join(self.problems))


def shown(value: object) -> str:
    """``value`` for a message: its repr, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def first_line(error: object) -> str:
    """The first line of a message, or the kind of an error without one."""
    lines = str(error).splitlines()
    return " ".join(lines[0].split() if lines else ()) or type(error).__name__


def clipped(line: str) -> str:
    """The message without its middle, if a name or a value in it is so long that nobody could read it."""
    return line if len(line) <= 1000 else f"{line[:700]} ... {line[-200:]}"


def suggestion(name: str, known: Sequence[str]) -> str:
    """``did you mean X?``, or the known names if none is similar."""
    if near := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(known[:_MAX_KNOWN])}{', ...' if len(known) > _MAX_KNOWN else ''}"
