"""kopf as the source of events: four ``on.event`` handlers and the settings. No other feature of kopf is used.

Timers and daemons add a finalizer to every object, create and update handlers add an annotation, and an index takes
quadratic time at startup. Event handlers write nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import kopf
from kopf._cogs.clients import fetching

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL
from sweep_operator.engine.engine import WATCHED
from sweep_operator.kube.cluster import Credentials, cleaner, resource
from sweep_operator.kube.protocol import Kind, KubeError

Registry = kopf.OperatorRegistry
Apply = Callable[..., None]
"""``apply(kind, object, deleted=bool)``"""
Since = Callable[[Kind, str | None], Awaitable[int]]
"""The resourceVersion after which to watch a resource type in a namespace (None: in all). Raises KubeError."""
_RETRY = 1.0
log = logging.getLogger(__name__)


class Endless:
    """Endless retry delays in seconds: with a finite list, kopf gives up and exits after the last one."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 1.0, 2.0, 3.0), itertools.repeat(5.0))


class _NoDiffs(kopf.DiffBaseStorage):
    """Keeps no earlier version of an object.

    Only handlers of changes need one. Without such handlers, kopf would still copy every object several times.
    """

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Keeps no state of handlers: an event handler that fails is not called again."""

    def fetch(self, *, key: Any, body: kopf.Body) -> None:
        return None

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        pass

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        pass

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


def registry(apply: Apply, login: Callable[[], Awaitable[Credentials]]) -> kopf.OperatorRegistry:
    """The handlers. ``login`` is called for credentials at startup and when they are rejected."""
    made = kopf.OperatorRegistry()
    for kind in WATCHED:
        group, version, plural = resource(kind)
        kopf.on.event(group, version, plural, id=plural, registry=made)(_handler(kind, apply))

    @kopf.on.login(id="connect", registry=made)
    async def connect(**_: Any) -> kopf.ConnectionInfo:
        found = await login()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.authority,
            insecure=found.insecure,
            scheme=found.scheme,
            token=found.token,
            certificate_path=found.certificate,
            private_key_path=found.key,
        )

    return made


def _handler(kind: Kind, apply: Apply) -> Callable[..., Awaitable[None]]:
    clean = cleaner(kind)

    async def handle(event: Mapping[str, Any], **_: Any) -> None:
        apply(kind, clean(event["object"]), deleted=event["type"] == "DELETED")

    return handle


def settings() -> kopf.OperatorSettings:
    """kopf's settings."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False  # the engine writes its own Events
    made.scanning.disabled = True  # needs no permissions on CRDs and Namespaces
    made.peering.standalone = True  # the Lease elects the leader
    made.watching.server_timeout = 300
    made.watching.client_timeout = 330
    made.watching.connect_timeout = 10
    made.networking.request_timeout = 30
    made.networking.error_backoffs = Endless()  # otherwise a minute of 503 ends the process
    made.queueing.exit_timeout = 1
    made.persistence.diffbase_storage, made.persistence.progress_storage = _NoDiffs(), _NoProgress()
    # Without this selector the server sends every Job and every pod of the cluster.
    for kind in (Kind.JOB, Kind.POD):
        group, version, plural = resource(kind)
        made.watching.label_selectors[group, version, plural] = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    return made


async def watch(handlers: kopf.OperatorRegistry, namespaces: tuple[str, ...], since: Since) -> None:
    """Deliver the events after ``since`` until canceled; empty ``namespaces``: the whole cluster."""
    with _without_lists(since):
        await kopf.operator(
            registry=handlers,
            settings=settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
        )


@contextmanager
def _without_lists(since: Since) -> Iterator[None]:
    """Let kopf watch after the LISTs of the engine, without LISTs of its own.

    No setting of kopf does this. Its LISTs keep all objects of all types at once and start a task for each of them. If
    there are thousands of runs, this takes more memory and processor time than everything else, only to deliver what
    the engine has already read.
    """
    kinds = {resource(kind): kind for kind in WATCHED}

    async def fetch_objs(*, resource: Any, namespace: str | None, **_: Any) -> AsyncIterator[tuple[list[Any], str]]:
        kind = kinds[resource.group, resource.version, resource.plural]
        while True:
            try:
                version = await since(kind, namespace)
                break
            except KubeError as error:
                log.warning("cannot list %s: %s", resource.plural, error)
                await asyncio.sleep(_RETRY)
        yield [], str(version)

    of_kopf = fetching.fetch_objs
    fetching.fetch_objs = fetch_objs
    try:
        yield
    finally:
        fetching.fetch_objs = of_kopf
