"""The embedded API server: the Kube protocol over one file.

All operations run in the event loop: each is a few dictionary lookups and one small transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sweep_operator.kube.embedded.deletion import (
    Change,
    cascade,
    disowned,
    is_orphan,
    may_vanish,
    removal,
)
from sweep_operator.kube.embedded.follow import chunks_of, part_of
from sweep_operator.kube.embedded.head import Head
from sweep_operator.kube.embedded.index import Key, ObjectIndex, key_of
from sweep_operator.kube.embedded.metadata import check_metadata
from sweep_operator.kube.embedded.objects import copy, normalize
from sweep_operator.kube.embedded.persistence import Persistence
from sweep_operator.kube.embedded.requests import initialize, patched, refuse_volumes, requested
from sweep_operator.kube.embedded.space import DiskFull, Space
from sweep_operator.kube.embedded.watch_log import WatchLog
from sweep_operator.kube.protocol import (
    API_VERSIONS,
    AlreadyExists,
    Conflict,
    Invalid,
    Kind,
    Labels,
    LogPart,
    NotFound,
    Object,
    ObjectList,
    Propagation,
    WatchEvent,
)
from sweep_operator.kube.state_file import Body

T = TypeVar("T")
Admission = Callable[[Kind, Object, Object | None], Object]
"""(kind, new, old) -> new with defaults. Raises Invalid or Forbidden."""
MAX_EVENTS = 5_000
"""Number of Event objects that are kept."""


class EmbeddedKube:
    """The Kube protocol over a file. ``path`` None: in memory."""

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], datetime],
        admission: Admission | None = None,
        space: Space | None = None,
        max_events: int = MAX_EVENTS,
    ) -> None:
        """``space``: writes wait for it while the disk is full. None: they raise DiskFull."""
        self._clock, self._admission, self._max_events, self._space = clock, admission, max_events, space
        self._file = Persistence(path)
        self._objects, self._events = ObjectIndex(self._file.unpack), deque[Key]()
        self._watch_log = WatchLog(self._file.load(self._loaded))
        self.log_path: Callable[[Object], Path | None] = lambda pod: None
        self.collect()

    def _loaded(self, kind: Kind, uid: str, head: Head, body: Body) -> None:
        self._objects.put_packed(kind, uid, head, body)
        if kind == Kind.EVENT:
            self._events.append((kind, head.namespace, head.name))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def together(self) -> AbstractContextManager[None]:
        """One transaction for everything that is written in the block. Nothing of it is written if the block raises.

        The objects in memory are then not those of the file: open the file again.
        """
        return self._file.together()

    # -- reading ----------------------------------------------------------------------------------------------------

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object. Raises NotFound."""
        return copy(self._find(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        """All objects of a kind, by name. They are unpacked as they are looked at."""
        return ObjectList(self._objects.copies(kind, namespace, labels), self._watch_log.version)

    async def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        """One page."""
        yield await self.list(kind, namespace, labels=labels)

    def unfinished(self, kind: Kind) -> ObjectList:
        """The Jobs or pods for which a controller may have something to do."""
        return ObjectList(self._objects.unfinished(kind), self._watch_log.version)

    def watch(self, kind: Kind, namespace: str | None = None, *, resource_version: int) -> AsyncIterator[WatchEvent]:
        """Changes after ``resource_version``."""
        return self._watch_log.follow(kind, namespace, resource_version)

    async def read_log(
        self, namespace: str, pod: str, container: str = "main", *, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        """The log of the pod's process."""
        for chunk in chunks_of(self._log_file(namespace, pod), tail):
            yield chunk
            await asyncio.sleep(0)

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        """A part of the file. ``position``: offset of its first byte."""
        return part_of(self._log_file(namespace, pod), position, limit, last=last, skip=skip)

    def _log_file(self, namespace: str, pod: str) -> Path:
        path = self.log_path(self._find(Kind.POD, namespace, pod))
        if path is None or not path.exists():
            raise NotFound(f"pod {namespace}/{pod} has no log")
        return path

    def peek(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        found = self._objects.get(kind, namespace, name)
        return None if found is None else copy(found)

    def owned_by(self, kind: Kind, uid: str) -> Sequence[Object]:
        """Objects of a kind with an owner reference to ``uid``."""
        return [copy(o) for o in self._objects.owned_by(uid) if o["kind"] == kind]

    # -- writing ----------------------------------------------------------------------------------------------------

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        """Create an object. A dry run also rejects volumes that are not supported on one machine."""
        return await self._patiently(lambda: self._create(kind, body, dry_run))

    def _create(self, kind: Kind, body: Object, dry_run: bool) -> Object:
        obj = requested(kind, body)
        meta = obj["metadata"]
        if self._objects.get(kind, meta["namespace"], meta["name"]) is not None:
            raise AlreadyExists(f"{kind} {meta['namespace']}/{meta['name']} already exists")
        check_metadata(kind, obj)
        if self._admission is not None:
            obj = normalize(self._admission(kind, obj, None))
        initialize(kind, obj, self._clock())
        if dry_run:
            refuse_volumes(kind, obj)
            return copy(obj)
        [created] = self._commit([("ADDED", obj)])
        with contextlib.suppress(DiskFull):  # created already; the rest follows later
            if kind == Kind.EVENT:
                self._trim_events(created)
            elif is_orphan(self._objects, created):
                self._commit(cascade(self._objects, created, None, self._clock()))
        return copy(created)

    async def update_status(self, kind: Kind, body: Object) -> Object:
        """Replace the status."""
        return await self._patiently(lambda: self._update_status(kind, body))

    def _update_status(self, kind: Kind, body: Object) -> Object:
        meta = body["metadata"]
        old = self._find(kind, meta.get("namespace", "default"), meta["name"])
        self._expect_uid(old, meta.get("uid") or None)
        self._expect(old, meta.get("resourceVersion") or "")
        return self._replace(old, {**old, "status": normalize(body.get("status") or {})})

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        """Merge patch of everything but status."""
        return await self._patiently(lambda: self._patch(kind, namespace, name, patch, resource_version))

    def _patch(self, kind: Kind, namespace: str, name: str, patch: Object, resource_version: str | None) -> Object:
        old = self._find(kind, namespace, name)
        if resource_version is not None:
            self._expect(old, resource_version)
        uid = (patch.get("metadata") or {}).get("uid")
        if uid not in (None, old["metadata"]["uid"]):
            raise Invalid(f"metadata.uid: {uid!r} is not the uid of {kind} {name}; a uid cannot be changed")
        new = patched(kind, old, patch)
        check_metadata(kind, new)
        if self._admission is not None and new.get("spec") != old.get("spec"):
            new = normalize(self._admission(kind, new, copy(old)))
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if may_vanish(new):
            self._commit(removal(self._objects, new, self._clock()))
            return copy(new)
        return self._replace(old, new)

    async def remove_finalizer(self, kind: Kind, namespace: str, name: str, finalizer: str, *, uid: str) -> Object:
        """Remove one finalizer."""
        held = self._find(kind, namespace, name)["metadata"].get("finalizers") or []
        left = [f for f in held if f != finalizer]
        return await self.patch(kind, namespace, name, {"metadata": {"uid": uid, "finalizers": left or None}})

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        propagation: Propagation = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        """Delete an object, and its children in the same transaction unless ``propagation`` is Orphan."""

        def work() -> None:
            obj = self._find(kind, namespace, name)
            self._expect_uid(obj, uid)
            if propagation == "Orphan":
                self._commit(disowned(self._objects, obj["metadata"]["uid"]))
                obj = self._find(kind, namespace, name)
            self._commit(cascade(self._objects, obj, grace_seconds, self._clock()))

        await self._patiently(work)

    async def delete_all(self, kind: Kind, namespace: str, *, labels: Mapping[str, str]) -> None:
        """Delete all objects with these labels."""
        for obj in (await self.list(kind, namespace, labels=labels)).items:
            await self.delete(kind, namespace, obj["metadata"]["name"], uid=obj["metadata"]["uid"])

    async def serves(self, group: str) -> bool:
        """Whether the API group is installed."""
        return any(version.rpartition("/")[0] == group for version in API_VERSIONS.values())

    def collect(self) -> None:
        """Garbage collection: delete objects whose owners do not exist."""
        for key in self._objects.orphans():
            live = self._objects.get(*key)
            if live is not None and is_orphan(self._objects, live):
                self._commit(cascade(self._objects, live, None, self._clock()))

    # -- internals -----------------------------------------------------------------------------------------------------

    async def _patiently(self, work: Callable[[], T]) -> T:
        return work() if self._space is None else await self._space.patiently(work)

    def _find(self, kind: Kind, namespace: str, name: str) -> Object:
        obj = self._objects.get(kind, namespace, name)
        if obj is None:
            raise NotFound(f"{kind} {namespace}/{name} does not exist")
        return obj

    def _expect(self, obj: Object, version: str) -> None:
        have = obj["metadata"]["resourceVersion"]
        if have != version:
            raise Conflict(f"{obj['kind']} {obj['metadata']['name']} is at resourceVersion {have}, not {version!r}")

    def _expect_uid(self, obj: Object, uid: str | None) -> None:
        have = obj["metadata"]["uid"]
        if uid is not None and uid != have:
            raise Conflict(f"{obj['kind']} {obj['metadata']['name']} has uid {have}, not {uid}")

    def _replace(self, old: Object, new: Object) -> Object:
        if new == old:
            return copy(old)
        [written] = self._commit([("MODIFIED", new)])
        return copy(written)

    def _trim_events(self, newest: Object) -> None:
        self._events.append(key_of(newest))
        while len(self._events) > self._max_events:
            oldest = self._objects.get(*self._events[0])
            if oldest is not None:
                self._commit(removal(self._objects, oldest, self._clock()))
            self._events.popleft()

    def _commit(self, changes: Sequence[Change]) -> Sequence[Object]:
        """One transaction: written to the file, then to memory, then sent to the watchers."""
        if not changes:
            return ()
        version = self._watch_log.version
        events = []
        for number, (type_, obj) in enumerate(changes, 1):
            meta = {**obj["metadata"], "resourceVersion": str(version + number)}
            events.append(WatchEvent(type_, {**obj, "metadata": meta}))
        kept = [e.object for e in events if e.type != "DELETED"]
        removed = [e.object["metadata"]["uid"] for e in events if e.type == "DELETED"]
        bodies = iter(self._file.save(version + len(events), kept, removed))
        for event in events:
            if event.type == "DELETED":
                self._objects.remove(event.object)
            else:
                self._objects.put(event.object, next(bodies))
            self._watch_log.append(event)
        return [e.object for e in events]
