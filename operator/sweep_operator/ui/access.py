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
"""How long an answer is kept. A withdrawn permission ends after this time at the latest."""
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
_Answer = asyncio.Future[bool]


class Permissions:
    """Answers of the API server. Errors other than a rejected token are not kept."""

    def __init__(self, review: Review, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._review, self._clock, self._key = review, clock, os.urandom(32)
        self._answers: OrderedDict[tuple[bytes, Right], tuple[float, _Answer]] = OrderedDict()

    async def may(self, token: str, right: Right) -> bool:
        """Whether the owner of the token has the permission. Raises Unauthenticated, KubeError."""
        digest = hashlib.blake2b(token.encode(), key=self._key, digest_size=32).digest()
        asked, answer = self._answers.get((digest, right), (0.0, None))
        if answer is None or self._clock() - asked >= SECONDS:
            answer = asyncio.ensure_future(self._review(token, right))
            answer.add_done_callback(lambda done: self._forget_failure((digest, right), done))
            self._answers[digest, right] = self._clock(), answer
            self._answers.move_to_end((digest, right))
            while len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return await asyncio.shield(answer)  # others wait for it, too

    def _forget_failure(self, key: tuple[bytes, Right], done: _Answer) -> None:
        failed = done.cancelled() or not isinstance(done.exception(), Unauthenticated | None)
        if failed and self._answers.get(key, (0.0, None))[1] is done:
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

    async def act(self, namespace: str, work: Callable[[Place], Awaitable[T]]) -> T:
        """Change sweeps and runs with the rights of the user."""
        async with self.place(namespace) as place:
            return await work(place)

    @asynccontextmanager
    async def place(self, namespace: str) -> AsyncIterator[ClusterPlace]:
        """The sweeps of a namespace, with the rights of the user. A refusal names the missing permission."""
        try:
            yield ClusterPlace(Cluster(self._kube, namespace))
        except Forbidden as error:
            raise Forbidden(explain(str(error))) from None

    async def _events(self, namespace: str, uid: str) -> Sequence[Object]:
        return (await self._kube.list(Kind.EVENT, namespace, fields={"involvedObject.uid": uid})).items


class TokenUser(ClusterUser):
    """The owner of a bearer token, who sees what the API server says."""

    def __init__(self, kube: ClusterKube, token: str, permissions: Permissions) -> None:
        super().__init__(kube)
        self._token, self._permissions = token, permissions

    async def visible(self, namespaces: Collection[str]) -> frozenset[str]:
        """The namespaces whose sweeps and runs the user may list and watch."""
        if await self._sees(None):
            return frozenset(namespaces)
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
