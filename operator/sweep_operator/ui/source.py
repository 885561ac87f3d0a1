"""What the page's server needs of the place that has the sweeps.

The server asks; it is never called back. One ``Source`` is shared by all users, so that a hundred open pages cost one
reader. A ``User`` says what the sender of a request may see and do. Implementations: ``ui/machine.py`` for a runs
directory, ``ui/cluster.py`` for an API server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeVar

from sweep_operator.commands.place import Place
from sweep_operator.kube.protocol import Object

T = TypeVar("T")
Verb = Literal["get", "list", "watch", "create", "patch"]
Resource = Literal["sweeps", "sweepruns", "events", "pods/log"]


class Key(NamedTuple):
    """Namespace and name of a Sweep. On one machine, the name is that of its directory, which no other sweep has."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Sweeps:
    """All Sweeps. One that has not changed is the same Python object as in the answer before."""

    items: Mapping[Key, Object]
    unreadable: Sequence[str] = ()
    """What cannot be read, each with the reason and the remedy."""


@dataclass(frozen=True)
class Runs:
    """The SweepRuns of one Sweep that have changed since an earlier answer."""

    changed: Iterable[Object]
    """Read once and in order, in a thread: it may unpack an object when it is asked for it."""
    names: Collection[str]
    """The names of all runs that exist. Complete when ``changed`` was read to its end."""
    version: Hashable
    """Names this answer in the next question. Its meaning is the source's own."""


class Source(Protocol):
    """Sweeps and runs as they are now, as JSON. Every method but ``changed`` and ``trouble`` may raise a KubeError."""

    async def changed(self) -> None:
        """Wait until something may have changed since the last call. The first call returns at once."""
        ...

    async def sweeps(self) -> Sweeps:
        """All Sweeps."""
        ...

    async def runs(self, key: Key, since: Hashable | None) -> Runs:
        """The runs that have changed since ``since``; all of them if it is None or too old. Raises NotFound."""
        ...

    async def objects(self, key: Key, uids: Collection[str]) -> Sequence[Object]:
        """These SweepRuns, those that exist."""
        ...

    async def revisions(self, key: Key, hashes: Collection[str]) -> Sequence[Object]:
        """The ControllerRevisions of these templates, as far as everybody may read them who sees the sweep."""
        ...

    def trouble(self) -> str:
        """Why what is shown may be old; empty if it is not. A change of it wakes ``changed``."""
        ...


class User(Protocol):
    """The sender of a request. Answers may be a minute old."""

    async def visible(self, namespaces: Collection[str]) -> frozenset[str]:
        """The namespaces whose sweeps and runs the user may list and watch."""
        ...

    async def require(self, verb: Verb, resource: Resource, namespace: str) -> None:
        """Raises Forbidden, which says what is missing."""
        ...

    async def events(self, key: Key, run: Object) -> Sequence[Object]:
        """The Events about the SweepRun, its Jobs and its pods. Raises Forbidden."""
        ...

    async def revisions(self, key: Key, hashes: Collection[str]) -> Sequence[Object]:
        """The ControllerRevisions of these templates, those that exist and that the user may read."""
        ...

    async def config_map(self, key: Key, name: str) -> Object:
        """A ConfigMap beside the sweep. Raises NotFound, Forbidden."""
        ...

    async def act(self, key: Key, work: Callable[[Place], Awaitable[T]]) -> T:
        """Change a sweep and its runs with the rights of the user: ``work`` gets them. It may run in another thread."""
        ...

    def place(self, key: Key) -> AbstractAsyncContextManager[Place]:
        """The sweep and its runs with the rights of the user, to read logs."""
        ...


class Users(Protocol):
    """Who may send requests."""

    async def user(self, token: str) -> User:
        """The user with this bearer token. Raises Unauthenticated."""
        ...
