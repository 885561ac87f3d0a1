"""The engine's cache of the cluster: the newest known version of every object, its own writes included.

Everything that arrives (watch events, LISTs, responses of own writes) goes through ``apply``; older versions are
ignored. A deleted object leaves a tombstone, so that a late event does not bring it back. Objects that are seldom read
are packed.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Set

from sweep_operator.engine.packed import Packed, is_over, note_of
from sweep_operator.kube.json_text import as_json
from sweep_operator.kube.labels import labels_match
from sweep_operator.kube.protocol import Kind, Labels, Object, ObjectList

Key = tuple[Kind, str, str]
Place = tuple[Kind, str, str]
"""Resource type, namespace and label value."""
MAX_TOMBSTONES = 20_000
APPLIED_AT_ONCE = 25
"""Objects of a page, in some milliseconds. Passes must not wait for the thousands of a LIST."""


def key_of(kind: Kind, obj: Object) -> Key:
    """(kind, namespace, name). The name of a run occurs in many places, which share one text."""
    meta = obj["metadata"]
    name = sys.intern(meta["name"]) if kind == Kind.SWEEP_RUN else meta["name"]
    return kind, sys.intern(meta.get("namespace", "")), name


def version_of(obj: Object) -> int:
    """The resourceVersion as a number."""
    return int(obj["metadata"].get("resourceVersion") or 0)


def _version(obj: Object | Packed) -> int:
    return obj.version if isinstance(obj, Packed) else version_of(obj)


def _unpacked(obj: Object | Packed) -> Object:
    return obj.unpack() if isinstance(obj, Packed) else obj


class Store:
    """Objects by key, with an index by namespace and label value.

    There may be tens of thousands, so no index keeps the keys: only the names, one text for each object.
    """

    def __init__(self, indexed_label: str, on_change: Callable[[Kind, Object], None] = lambda kind, obj: None) -> None:
        """``on_change`` is called with each object that has changed or was deleted."""
        self._label, self._on_change = indexed_label, on_change
        self.partial: set[str | None] = set()
        """Namespaces (None: all) of whose ended runs the Jobs and pods may be missing."""
        self._objects: dict[tuple[Kind, str], dict[str, Object | Packed]] = {}
        """By resource type and namespace, then by name."""
        self._samples: dict[Place, bytes] = {}
        """What packed objects are relative to."""
        self._tombstones: OrderedDict[str, int] = OrderedDict()
        self._by_label: dict[Place, dict[str, None]] = {}
        """Names. A set would take twice the memory."""
        self._followed: dict[tuple[str, str], set[Key]] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The newest known version, or None."""
        known = self._known((kind, namespace, name))
        return known.unpack() if isinstance(known, Packed) else known

    def text(self, key: Key) -> bytes | None:
        """The JSON of a packed object; None if it is not packed."""
        known = self._known(key)
        return known.text if isinstance(known, Packed) else None

    def version(self, key: Key) -> int | None:
        """The newest known resourceVersion, or None."""
        known = self._known(key)
        return None if known is None else _version(known)

    def is_partial(self, namespace: str) -> bool:
        """Whether Jobs and pods of runs that have ended may be missing."""
        return not self.partial.isdisjoint((None, namespace))

    def all(self, kind: Kind) -> list[Object]:
        """All objects of a resource type."""
        return [_unpacked(o) for _, o in self._items(kind)]

    def unpacked(self, kind: Kind) -> list[Object]:
        """The objects of a resource type that are not packed."""
        return [o for _, o in self._items(kind) if not isinstance(o, Packed)]

    def notes(self, kind: Kind) -> Iterable[tuple[str, Hashable]]:
        """Namespace and note of the packed objects."""
        return [(key[1], o.note) for key, o in self._items(kind) if isinstance(o, Packed)]

    def note(self, key: Key) -> Hashable:
        """The note of a packed object; None if it is not packed."""
        known = self._known(key)
        return known.note if isinstance(known, Packed) else None

    def keys(self, kind: Kind) -> list[Key]:
        """The keys of all objects of a resource type."""
        return [key for key, _ in self._items(kind)]

    def places(self) -> set[tuple[str, str]]:
        """(namespace, label value) of all objects that have one."""
        return {place[1:] for place in self._by_label}

    def pack(self, key: Key) -> None:
        """Keep an object in a small form until it changes, with a note for ``notes``."""
        obj = self._known(key)
        if obj is None or isinstance(obj, Packed):
            return
        place = min(self._places(key, obj), default=(key[0], key[1], ""))
        if place in self._by_label and place not in self._samples:
            self._samples[place] = as_json(obj)
        self._objects[key[:2]][key[2]] = Packed.of(obj, self._samples.get(place, b""), note_of(key[0], obj))

    def pack_labeled(self, kind: Kind, namespace: str, value: str) -> None:
        """Pack the objects whose indexed label has that value."""
        for name in self._by_label.get((kind, namespace, value), ()):
            self.pack((kind, namespace, name))

    def labeled(self, kind: Kind, namespace: str, value: str) -> list[Object]:
        """Objects whose indexed label has that value, by name."""
        names = self._by_label.get((kind, namespace, value), ())
        return [_unpacked(self._objects[kind, namespace][name]) for name in sorted(names)]

    def any_labeled(self, kind: Kind, namespace: str, value: str) -> bool:
        """Whether an object has that value of the indexed label."""
        return (kind, namespace, value) in self._by_label

    def follow(self, namespace: str, value: str) -> set[Key]:
        """A set that gets the key of each object with that value of the indexed label that changes from now on.

        It begins with those that exist. Whoever follows empties it.
        """
        places = (place for place in self._by_label if place[1:] == (namespace, value))
        known = {(kind, space, name) for kind, space, label in places for name in self._by_label[kind, space, label]}
        return self._followed.setdefault((namespace, value), known)

    def unfollow(self, namespace: str, value: str) -> None:
        """End ``follow``."""
        self._followed.pop((namespace, value), None)

    def apply(self, kind: Kind, obj: Object, *, deleted: bool = False) -> bool:
        """Apply one object; return whether it changed the cache."""
        key, version = key_of(kind, obj), version_of(obj)
        uid = obj["metadata"].get("uid", "")
        known = self._known(key)
        if self._tombstones.get(uid, -1) >= version or (uid in self._tombstones and not deleted):
            return False
        if known is not None and _version(known) > version:
            return False
        if deleted:
            self._bury(uid, version)
            if known is not None and _unpacked(known)["metadata"].get("uid") == uid:
                self._remove(key)
            self._on_change(kind, obj)
            return True
        if known is not None and _version(known) == version:
            return False
        self._put(key, obj)
        self._on_change(kind, obj)
        return True

    def gone(self, kind: Kind, namespace: str, name: str) -> None:
        """Remove an object after a live GET returned 404."""
        known = self.get(kind, namespace, name)
        if known is not None:
            self._bury(known["metadata"].get("uid", ""), version_of(known))
            self._remove((kind, namespace, name))
            self._on_change(kind, known)

    def replace(
        self,
        kind: Kind,
        listed: ObjectList,
        namespace: str | None = None,
        labels: Labels | None = None,
    ) -> list[Object]:
        """Apply a LIST of a namespace (None: of all) and of these labels.

        Cached objects that it covers are removed and returned if they are older than the LIST and not in it.
        """
        present = self._apply_all(kind, listed.items)
        return self._remove_unlisted(kind, present, listed.resource_version, namespace, labels or {})

    async def replace_by_page(
        self, kind: Kind, pages: AsyncIterator[ObjectList], namespace: str | None = None
    ) -> tuple[list[Object], int]:
        """``replace`` with the pages of a LIST, without keeping them; return also its resourceVersion."""
        present, version = set[Key](), 0
        async for page in pages:
            for start in range(0, len(page.items), APPLIED_AT_ONCE):
                present |= self._apply_all(kind, page.items[start : start + APPLIED_AT_ONCE])
                await asyncio.sleep(0)
            version = page.resource_version
            del page  # before the next one is parsed
        return self._remove_unlisted(kind, present, version, namespace, {}), version

    def _apply_all(self, kind: Kind, items: Iterable[Object]) -> set[Key]:
        """Apply a part of a LIST; return its keys. Unknown objects that are over are packed."""
        present = set[Key]()
        for obj in items:
            key = key_of(kind, obj)
            present.add(key)
            known = self._known(key)
            if known is not None and _version(known) == version_of(obj):
                continue
            if self.apply(kind, obj) and known is None and is_over(kind, obj):
                self.pack(key)
        return present

    def _remove_unlisted(
        self,
        kind: Kind,
        present: Set[Key],
        resource_version: int,
        namespace: str | None,
        labels: Labels,
    ) -> list[Object]:
        """Remove and return what a LIST of that version covers and lacks, and what is not newer than it."""
        candidates = [
            obj
            for key, obj in self._items(kind)
            if key not in present
            and namespace in (None, key[1])
            and _version(obj) <= resource_version
            and not (labels and isinstance(obj, Packed))  # a LIST of everything finds those
        ]
        vanished = [obj for obj in map(_unpacked, candidates) if labels_match(obj, labels)]
        for obj in vanished:
            self._bury(obj["metadata"].get("uid", ""), resource_version)
            self._remove(key_of(kind, obj))
            self._on_change(kind, obj)
        return vanished

    def forget(self, kind: Kind, namespace: str, value: str) -> None:
        """Drop the objects whose indexed label has that value; the next use must read them live."""
        for name in list(self._by_label.get((kind, namespace, value), ())):
            self._remove((kind, namespace, name))

    def _known(self, key: Key) -> Object | Packed | None:
        return self._objects.get(key[:2], {}).get(key[2])

    def _items(self, kind: Kind) -> Iterator[tuple[Key, Object | Packed]]:
        for (known, namespace), found in self._objects.items():
            if known == kind:
                yield from (((kind, namespace, name), obj) for name, obj in found.items())

    def _put(self, key: Key, obj: Object) -> None:
        """Add or replace an object. The text of a name stays the first one, so that all indices share it."""
        before, after = self._places(key, self._known(key)), self._places(key, obj)
        self._objects.setdefault(key[:2], {})[key[2]] = obj
        for place in after:
            self._by_label.setdefault(place, {})[key[2]] = None
        self._unlist(key, before - after)
        self._note(before | after, key)

    def _unlist(self, key: Key, places: Set[Place]) -> None:
        for place in places:
            names = self._by_label[place]
            del names[key[2]]
            if not names:
                del self._by_label[place]
                self._samples.pop(place, None)

    def _note(self, places: Set[Place], key: Key) -> None:
        for place in places:
            if (changed := self._followed.get(place[1:])) is not None:
                changed.add(key)

    def _places(self, key: Key, known: Object | Packed | None) -> Set[Place]:
        if known is None:
            return frozenset()
        obj, (kind, namespace, _) = _unpacked(known), key
        values = {(obj["metadata"].get("labels") or {}).get(self._label)}
        if kind == Kind.SWEEP_RUN:
            values.add((obj.get("spec") or {}).get("sweepName"))
        return {(kind, namespace, value) for value in values if value}

    def _remove(self, key: Key) -> None:
        found = self._objects[key[:2]]
        places = self._places(key, found.pop(key[2]))
        if not found:
            del self._objects[key[:2]]
        self._unlist(key, places)
        self._note(places, key)

    def _bury(self, uid: str, version: int) -> None:
        self._tombstones[uid] = max(version, self._tombstones.get(uid, 0))
        while len(self._tombstones) > MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
