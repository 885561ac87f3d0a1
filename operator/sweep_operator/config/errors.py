"""Errors in a configuration file or an argument."""

from __future__ import annotations

from collections.abc import Iterable


class ConfigError(ValueError):
    """``problems`` has one line per problem: its place, the problem, and the remedy."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("; ".join(self.problems))


def shown(value: object) -> str:
    """``value`` for a message: its repr, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
