"""What a user got wrong in a file or an argument."""

from __future__ import annotations

from collections.abc import Iterable


class ConfigError(ValueError):
    """``problems`` holds one line each: where, what, and the remedy."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("; ".join(self.problems))


def shown(value: object) -> str:
    """``value`` as it stands in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
