"""The embedded API server: the Kube protocol over one file.

Everything happens in the event loop: an operation is a few dictionary look-ups and one small transaction.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sweep_operator.kube.embedded.objects import copy, labels_match, merge_patch, normalise
from sweep_operator.kube.embedded.persistence import Persistence
from sweep_operator.kube.protocol import (
    API_VERSIONS,
    AlreadyExists,
    Conflict,
    EventType,
    Gone,
    Invalid,
    Kind,
    NotFound,
    Object,
    ObjectList,
    Propagation,
    WatchEvent,
)

Admission = Callable[[Kind, Object, Object | None], Object]
"""(kind, new, old) -> new with defaults. Raises Invalid or Forbidden."""
HISTORY = 10_000
"""Watch events that are kept for watchers that start from an older resourceVersion."""
MAX_EVENTS = 5_000
"""Event objects that are kept."""
DEFAULT_GRACE_SECONDS = 30
_WITH_STATUS = (Kind.SWEEP, Kind.SWEEP_RUN, Kind.JOB, Kind.POD)
Key = tuple[Kind, str, str]


class EmbeddedKube:
    """See the Kube protocol."""

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], datetime],
        admission: Admission | None = None,
        readonly: bool = False,
    ) -> None:
        self._clock, self._admission = clock, admission
        self._file = Persistence(path, readonly=readonly)
        self._version, objects = self._file.load()
        self._objects: dict[Key, Object] = {_key(o): o for o in objects}
        self._by_uid = {o["metadata"]["uid"]: _key(o) for o in objects}
        self._events: deque[Key] = deque(k for k in self._objects if k[0] == Kind.EVENT)
        self._history: list[WatchEvent] = []
        self._oldest = self._version
        """The resourceVersion before the first event of the history; each commit raises it by one."""
        self._watchers: set[asyncio.Event] = set()
        self.log_path: Callable[[Object], Path | None] = lambda pod: None
        if not readonly:
            self.collect()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # -- reading ----------------------------------------------------------------------------------------------------

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """A live read."""
        return self._copy(self._find(kind, namespace, name))

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: Mapping[str, str] | None = None
    ) -> ObjectList:
        """All objects of a kind, by name."""
        wanted = dict(labels or {})
        keys = sorted(k for k in self._objects if k[0] == kind and namespace in (None, k[1]))
        items = (self._objects[k] for k in keys)
        return ObjectList(tuple(self._copy(o) for o in items if labels_match(o, wanted)), self._version)

    async def watch(
        self, kind: Kind, namespace: str | None = None, *, resource_version: int = 0
    ) -> AsyncIterator[WatchEvent]:
        """Changes after ``resource_version``."""
        seen, wake = resource_version, asyncio.Event()
        self._watchers.add(wake)
        try:
            while True:
                wake.clear()
                if seen < self._oldest:
                    raise Gone(f"resourceVersion {seen} is too old; the oldest is {self._oldest}")
                for event in self._history[seen - self._oldest :]:
                    seen += 1
                    found, place, _ = _key(event.object)
                    if found == kind and namespace in (None, place):
                        yield WatchEvent(event.type, self._copy(event.object))
                if seen >= self._version:
                    await wake.wait()
        finally:
            self._watchers.discard(wake)

    async def read_log(self, namespace: str, pod: str, container: str = "main") -> AsyncIterator[bytes]:
        """The log of the pod's process."""
        path = self.log_path(self._find(Kind.POD, namespace, pod))
        if path is None or not path.exists():
            raise NotFound(f"pod {namespace}/{pod} has no log of {container}")
        with path.open("rb") as file:
            while chunk := file.read(1 << 16):
                yield chunk
                await asyncio.sleep(0)

    def peek(self, kind: Kind, name: str) -> Object | None:
        """The object of that name in any namespace (one machine has one user), or None."""
        return next((self._copy(o) for k, o in self._objects.items() if k[0] == kind and k[2] == name), None)

    # -- writing ----------------------------------------------------------------------------------------------------

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        """Create an object."""
        obj = normalise({**body, "apiVersion": API_VERSIONS[kind], "kind": kind.value})
        meta = obj.setdefault("metadata", {})
        meta.setdefault("namespace", "default")
        if not meta.get("name"):
            if not meta.get("generateName"):
                raise Invalid("metadata.name: is missing; add it")
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        key = (kind, meta["namespace"], meta["name"])
        if key in self._objects:
            raise AlreadyExists(f"{kind} {key[1]}/{key[2]} exists already")
        if self._admission is not None:
            obj = normalise(self._admission(kind, obj, None))
            meta = obj["metadata"]
        if kind in _WITH_STATUS:
            obj.pop("status", None)
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"):
            meta.pop(field, None)
        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = _stamp(self._clock())
        meta["generation"] = 1
        if dry_run:
            return self._copy(obj)
        self._commit("ADDED", obj)
        created = self._copy(obj)
        if kind == Kind.EVENT:
            self._trim_events(key)
        elif self._is_orphan(obj):
            self._delete(obj, grace=None)
        return created

    async def update_status(self, kind: Kind, body: Object) -> Object:
        """Replace the status."""
        meta = body["metadata"]
        old = self._find(kind, meta.get("namespace", "default"), meta["name"])
        if meta.get("uid") not in (None, "", old["metadata"]["uid"]):
            raise NotFound(f"{kind} {meta['name']} of uid {meta['uid']} is gone")
        self._expect(old, meta.get("resourceVersion") or "")
        new = {**old, "status": normalise(body.get("status") or {})}
        return self._replace(old, new)

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        """Merge patch of everything but status."""
        old = self._find(kind, namespace, name)
        if resource_version is not None:
            self._expect(old, resource_version)
        changes = {k: v for k, v in patch.items() if not (k == "status" and kind in _WITH_STATUS)}
        new = normalise(merge_patch(old, changes))
        for field in ("uid", "creationTimestamp", "deletionTimestamp", "generation", "resourceVersion", "name"):
            if field in old["metadata"]:
                new["metadata"][field] = old["metadata"][field]
            else:
                new["metadata"].pop(field, None)
        if self._admission is not None and new.get("spec") != old.get("spec"):
            new = normalise(self._admission(kind, new, self._copy(old)))
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        replaced = self._replace(old, new)
        if self._may_vanish(new):
            self._remove(new)
        return replaced

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
        """Delete an object; what it owns follows, unless ``propagation`` is Orphan."""
        obj = self._find(kind, namespace, name)
        if uid is not None and obj["metadata"]["uid"] != uid:
            raise Conflict(f"{kind} {namespace}/{name} has uid {obj['metadata']['uid']}, not {uid}")
        if propagation == "Orphan":
            self._disown(obj["metadata"]["uid"])
        self._delete(obj, grace_seconds)

    def collect(self) -> None:
        """Garbage collection: what is owned by nothing that exists goes."""
        for obj in [o for o in self._objects.values() if self._is_orphan(o)]:
            if _key(obj) in self._objects and not obj["metadata"].get("deletionTimestamp"):
                self._delete(obj, None)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _find(self, kind: Kind, namespace: str, name: str) -> Object:
        obj = self._objects.get((kind, namespace, name))
        if obj is None:
            raise NotFound(f"{kind} {namespace}/{name} does not exist")
        return obj

    def _expect(self, obj: Object, version: str) -> None:
        have = obj["metadata"]["resourceVersion"]
        if have != version:
            raise Conflict(f"{_key(obj)[0]} {obj['metadata']['name']} is at resourceVersion {have}, not {version!r}")

    def _replace(self, old: Object, new: Object) -> Object:
        if new == old:
            return self._copy(old)
        new = {**new, "metadata": dict(new["metadata"])}
        self._commit("MODIFIED", new)
        return self._copy(new)

    def _delete(self, obj: Object, grace: int | None) -> None:
        meta = obj["metadata"]
        seconds = self._grace(obj, grace)
        if not meta.get("deletionTimestamp"):
            if not meta.get("finalizers") and seconds == 0:
                self._remove(obj)
                return
            stamp = _stamp(self._clock() + timedelta(seconds=seconds))
            marked = {**meta, "deletionTimestamp": stamp, "deletionGracePeriodSeconds": seconds}
            self._commit("MODIFIED", {**obj, "metadata": marked})
        elif seconds == 0 and meta.get("deletionGracePeriodSeconds"):
            marked = {**meta, "deletionGracePeriodSeconds": 0}
            self._commit("MODIFIED", {**obj, "metadata": marked})
        live = self._objects.get(_key(obj))
        if live is not None and self._may_vanish(live):
            self._remove(live)

    def _grace(self, obj: Object, asked: int | None) -> int:
        """Only pods whose process may still run get time to end."""
        if _key(obj)[0] != Kind.POD or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        if asked is not None:
            return asked
        return int((obj.get("spec") or {}).get("terminationGracePeriodSeconds") or DEFAULT_GRACE_SECONDS)

    def _may_vanish(self, obj: Object) -> bool:
        meta = obj["metadata"]
        return (
            bool(meta.get("deletionTimestamp"))
            and not meta.get("finalizers")
            and not meta.get("deletionGracePeriodSeconds")
        )

    def _remove(self, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        self._commit("DELETED", obj)
        for child in [o for o in self._objects.values() if any(r["uid"] == uid for r in _owners(o))]:
            if _key(child) in self._objects and self._is_orphan(child):
                self._delete(self._objects[_key(child)], None)

    def _is_orphan(self, obj: Object) -> bool:
        owners = _owners(obj)
        return bool(owners) and not any(o["uid"] in self._by_uid for o in owners)

    def _disown(self, uid: str) -> None:
        for child in [o for o in self._objects.values() if any(r["uid"] == uid for r in _owners(o))]:
            kept = [r for r in _owners(child) if r["uid"] != uid]
            self._replace(child, {**child, "metadata": {**child["metadata"], "ownerReferences": kept}})

    def _trim_events(self, key: Key) -> None:
        self._events.append(key)
        while len(self._events) > MAX_EVENTS:
            oldest = self._objects.get(self._events.popleft())
            if oldest is not None:
                self._remove(oldest)

    def _commit(self, type_: EventType, obj: Object) -> None:
        """To the file first, then to memory, then to the watchers."""
        version = self._version + 1
        obj["metadata"] = {**obj["metadata"], "resourceVersion": str(version)}
        key, uid = _key(obj), obj["metadata"]["uid"]
        if type_ == "DELETED":
            self._file.save(version, [], [uid])
            self._objects.pop(key, None)
            self._by_uid.pop(uid, None)
        else:
            self._file.save(version, [obj])
            self._objects[key] = obj
            self._by_uid[uid] = key
        self._version = version
        self._history.append(WatchEvent(type_, self._copy(obj)))
        if len(self._history) > 2 * HISTORY:
            del self._history[:HISTORY]
            self._oldest += HISTORY
        for wake in self._watchers:
            wake.set()

    def _copy(self, obj: Object) -> Object:
        copied: Object = copy(obj)
        return copied


def _key(obj: Object) -> Key:
    return Kind(obj["kind"]), obj["metadata"].get("namespace", "default"), obj["metadata"]["name"]


def _owners(obj: Object) -> list[Object]:
    return obj["metadata"].get("ownerReferences") or []


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
