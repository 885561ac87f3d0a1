"""Users of an API server: what the owner of a bearer token may do.

Each question is a SelfSubjectAccessReview with the token itself, so it authenticates the caller, and the page's own
account needs no permission for it. Answers are kept for a minute, by a hash of the token.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.place import ClusterPlace
from sweep_operator.cluster.refusal import explain, missing
from sweep_operator.commands.place import Place
from sweep_operator.domain.revisions import revision_name
from sweep_operator.kube.protocol import API_VERSIONS, Forbidden, Kind, NotFound, Object, Unauthenticated
from sweep_operator.ui.source import Key, Resource, Verb

if TYPE_CHECKING:
    from sweep_operator.kube.cluster import Callers, ClusterKube

T = TypeVar("T")
SECONDS = 60.0
"""A withdrawn permission ends after this time at the latest."""
_VISIBLE_SECONDS = 10.0
"""How long a stream uses the same set of namespaces: it asks at every change."""
_ANSWER_SECONDS = SECONDS - _VISIBLE_SECONDS
_MOST = 20_000
"""Answers that are kept; the oldest ones are dropped."""
_AT_ONCE = 16
"""Questions of one user that are asked at the same time."""
_SEEN_BY = [(verb, kind) for kind in (Kind.SWEEP, Kind.SWEEP_RUN) for verb in ("list", "watch")]
"""What a user needs in a namespace to see its sweeps and runs."""
_RESOURCES = {
    "sweeps": (Kind.SWEEP, ""), "sweepruns": (Kind.SWEEP_RUN, ""), "events": (Kind.EVENT, ""),
    "pods/log": (Kind.POD, "log"),
}  # fmt: skip


class Right(NamedTuple):
    """A permission, as ``kubectl auth can-i`` names it."""

    verb: str
    kind: Kind
    namespace: str | None
    """None: in all namespaces."""
    subresource: str = ""


Review = Callable[[str, Right], Awaitable[bool]]
"""Asks the API server: (token, right). Raises KubeError."""
_Answer = asyncio.Task[bool | str]
"""A text: the API server rejects the token, and says this. An exception would hold the token in its frames."""


class Permissions:
    """Answers of the API server. Errors other than a rejected token are not kept."""

    def __init__(self, review: Review, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._review, self.clock, self._key = review, clock, os.urandom(32)
        self._answers: OrderedDict[tuple[bytes, Right], tuple[float, _Answer]] = OrderedDict()
        """The oldest first."""

    async def may(self, token: str, right: Right) -> bool:
        """Whether the owner of the token has the permission. Raises Unauthenticated, KubeError."""
        self._forget_old()
        key = hashlib.blake2b(token.encode(), key=self._key, digest_size=32).digest(), right
        if key not in self._answers:
            task = asyncio.create_task(self._asked(token, right))
            task.add_done_callback(lambda done: self._forget_failure(key, done))
            self._answers[key] = self.clock(), task
        answer = await asyncio.shield(self._answers[key][1])  # others wait for it, too
        if isinstance(answer, str):
            raise Unauthenticated(answer)
        return answer

    async def _asked(self, token: str, right: Right) -> bool | str:
        try:
            return await self._review(token, right)
        except Unauthenticated as error:
            return str(error)

    def _forget_old(self) -> None:
        oldest = self.clock() - _ANSWER_SECONDS
        while self._answers and (next(iter(self._answers.values()))[0] <= oldest or len(self._answers) > _MOST):
            self._answers.popitem(last=False)

    def _forget_failure(self, key: tuple[bytes, Right], done: _Answer) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and key in self._answers and self._answers[key][1] is done:
            del self._answers[key]


async def require_watching(kube: ClusterKube, namespace: str | None) -> None:
    """Raises Forbidden if the client may not list and watch sweeps and runs there (None: in all namespaces)."""
    for verb, kind in _SEEN_BY:
        if not await kube.may(verb, kind, namespace):
            raise Forbidden(_missing(verb, kind, namespace))


class ClusterUser:
    """Somebody with a client of the API server, who sees all that the source has: the owner of a kubeconfig."""

    def __init__(self, kube: ClusterKube) -> None:
        self._kube = kube

    async def visible(self, namespaces: Collection[str]) -> frozenset[str]:
        """All of them: the source has only what its client may list."""
        return frozenset(namespaces)

    async def require(self, verb: Verb, resource: Resource, namespace: str) -> None:
        """Nothing: the API server answers each request."""

    async def events(self, key: Key, run: Object) -> Sequence[Object]:
        """The Events about the SweepRun and, if the user may list pods, about its pods. Raises Forbidden."""
        meta = run["metadata"]
        found = list(await self._events(meta["namespace"], meta["uid"]))
        with suppress(Forbidden):
            for pod in (await self._kube.list(Kind.POD, meta["namespace"], labels={RUN_LABEL: meta["name"]})).items:
                found += await self._events(meta["namespace"], pod["metadata"]["uid"])
        return found

    async def revisions(self, key: Key, hashes: Collection[str]) -> Sequence[Object]:
        """The ControllerRevisions of these templates, as far as they exist and the user may read them."""
        found = []
        for template in hashes:
            with suppress(NotFound, Forbidden):
                name = revision_name(key.name, template)
                found.append(await self._kube.get(Kind.REVISION, key.namespace, name))
        return found

    async def config_map(self, key: Key, name: str) -> Object:
        """A ConfigMap in the namespace of the sweep. Raises NotFound, Forbidden."""
        return await self._kube.get(Kind.CONFIG_MAP, key.namespace, name)

    async def act(self, key: Key, work: Callable[[Place], Awaitable[T]]) -> T:
        """Change sweeps and runs with the rights of the user."""
        async with self.place(key) as place:
            return await work(place)

    @asynccontextmanager
    async def place(self, key: Key) -> AsyncIterator[ClusterPlace]:
        """The sweeps of the namespace, with the rights of the user. A refusal names the missing permission."""
        try:
            yield ClusterPlace(Cluster(self._kube, key.namespace))
        except Forbidden as error:
            raise Forbidden(explain(str(error))) from None

    async def _events(self, namespace: str, uid: str) -> Sequence[Object]:
        return (await self._kube.list(Kind.EVENT, namespace, fields={"involvedObject.uid": uid})).items


class TokenUser(ClusterUser):
    """The owner of a bearer token, who sees what the API server says."""

    def __init__(self, kube: ClusterKube, token: str, permissions: Permissions) -> None:
        super().__init__(kube)
        self._token, self._permissions = token, permissions
        self._visible: tuple[float, frozenset[str], frozenset[str]] | None = None
        """When it was asked, of which namespaces, and those that are visible."""

    async def visible(self, namespaces: Collection[str]) -> frozenset[str]:
        """The namespaces whose sweeps and runs the user may list and watch."""
        now, asked = self._permissions.clock(), frozenset(namespaces)
        if self._visible is None or self._visible[1] != asked or now - self._visible[0] >= _VISIBLE_SECONDS:
            self._visible = now, asked, await self._visible_of(asked)
        return self._visible[2]

    async def _visible_of(self, namespaces: frozenset[str]) -> frozenset[str]:
        if await self._sees(None):
            return namespaces
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def sees(namespace: str) -> bool:
            async with at_once:
                return await self._sees(namespace)

        ordered = sorted(namespaces)
        answers = await asyncio.gather(*map(sees, ordered))
        return frozenset(n for n, answer in zip(ordered, answers, strict=True) if answer)

    async def require(self, verb: Verb, resource: Resource, namespace: str) -> None:
        """Raises Forbidden, which names the missing permission."""
        kind, part = _RESOURCES[resource]
        if not await self._permissions.may(self._token, Right(verb, kind, namespace, part)):
            raise Forbidden(_missing(verb, kind, namespace, part))

    async def _sees(self, namespace: str | None) -> bool:
        for verb, kind in _SEEN_BY:
            if not await self._permissions.may(self._token, Right(verb, kind, namespace)):
                return False
        return True


class TokenUsers:
    """Users who send their own bearer token."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._permissions = Permissions(
            lambda token, right: callers.client(token).may(
                right.verb, right.kind, right.namespace, subresource=right.subresource
            )
        )

    async def user(self, token: str) -> TokenUser:
        """The owner of the token. Raises Unauthenticated."""
        await self._permissions.may(token, Right("list", Kind.SWEEP, None))
        return TokenUser(self._callers.client(token), token, self._permissions)


def _missing(verb: str, kind: Kind, namespace: str | None, part: str = "") -> str:
    group = API_VERSIONS[kind].rpartition("/")[0]
    return missing("your account is", verb, f"{kind.lower()}s", group, namespace, part=part)
