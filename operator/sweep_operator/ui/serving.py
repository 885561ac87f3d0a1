"""What a server of the page serves, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from sweep_operator.ui.source import Key, Source, User, Users
from sweep_operator.views.page.explanations import Ask
from sweep_operator.views.page.models import Server


class Explainer(Protocol):
    """Answers questions about a sweep's model."""

    @property
    def ready(self) -> bool:
        """Whether an answer takes no start of a process."""
        ...

    async def answer(self, key: Key, ask: Ask, user: User) -> BaseModel:
        """The answer, from what the user may read. Raises ConfigError for a question without one, KubeError."""
        ...

    async def close(self) -> None:
        """End what was started for the answers."""
        ...


@dataclass(frozen=True)
class Serving:
    """What a server serves, and to whom."""

    server: Server
    source: Source
    users: Users
    hosts: Collection[str] = ()
    """Names of the server besides those of the loopback interface."""
    explainer: Explainer | None = None
    where: Callable[[str], Sequence[str]] = lambda namespace: ()
    """The options that select a namespace, or this runs directory, in equivalent commands."""
