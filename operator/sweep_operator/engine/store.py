"""The engine's cache of the cluster: the newest known version of every object, its own writes included.

Everything that arrives (watch events, LISTs, responses of own writes) goes through ``apply``; older versions are
ignored. A deleted object leaves a tombstone, so that a late event does not bring it back. Objects that are seldom read
are packed.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping

from sweep_operator.engine.packed import Packed, as_json, is_over, note_of
from sweep_operator.kube.protocol import Kind, Object, ObjectList

Key = tuple[Kind, str, str]
MAX_TOMBSTONES = 20_000


def key_of(kind: Kind, obj: Object) -> Key:
    """(kind, namespace, name)."""
    meta = obj["metadata"]
    return kind, sys.intern(meta.get("namespace", "")), sys.intern(meta["name"])


def version_of(obj: Object) -> int:
    """The resourceVersion as a number."""
    return int(obj["metadata"].get("resourceVersion") or 0)


def _version(obj: Object | Packed) -> int:
    return obj.version if isinstance(obj, Packed) else version_of(obj)


def _unpacked(obj: Object | Packed) -> Object:
    return obj.unpack() if isinstance(obj, Packed) else obj


class Store:
    """Objects by key, with an index by namespace and label value."""

    def __init__(self, indexed_label: str, on_change: Callable[[Kind, Object], None] = lambda kind, obj: None) -> None:
        """``on_change`` is called with each object that has changed or was deleted."""
        self._label, self._on_change = indexed_label, on_change
        self._objects: dict[Key, Object | Packed] = {}
        self._samples: dict[tuple[Kind, str, str], bytes] = {}
        """By resource type, namespace and label value: what packed objects are relative to."""
        self._tombstones: OrderedDict[str, int] = OrderedDict()
        self._by_label: dict[tuple[Kind, str, str], set[Key]] = {}
        self._followed: dict[tuple[str, str], set[Key]] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The newest known version, or None."""
        known = self._objects.get((kind, namespace, name))
        return known.unpack() if isinstance(known, Packed) else known

    def version(self, key: Key) -> int | None:
        """The newest known resourceVersion, or None."""
        known = self._objects.get(key)
        return None if known is None else _version(known)

    def all(self, kind: Kind) -> list[Object]:
        """All objects of a resource type."""
        return [_unpacked(o) for (k, _, _), o in self._objects.items() if k == kind]

    def unpacked(self, kind: Kind) -> list[Object]:
        """The objects of a resource type that are not packed."""
        return [o for (k, _, _), o in self._objects.items() if k == kind and not isinstance(o, Packed)]

    def notes(self, kind: Kind) -> Iterable[tuple[str, Hashable]]:
        """Namespace and note of the packed objects."""
        return [(key[1], o.note) for key, o in self._objects.items() if key[0] == kind and isinstance(o, Packed)]

    def note(self, key: Key) -> Hashable:
        """The note of a packed object; None if it is not packed."""
        known = self._objects.get(key)
        return known.note if isinstance(known, Packed) else None

    def keys(self, kind: Kind) -> list[Key]:
        """The keys of all objects of a resource type."""
        return [key for key in self._objects if key[0] == kind]

    def places(self) -> set[tuple[str, str]]:
        """(namespace, label value) of all objects that have one."""
        return {place[1:] for place in self._by_label}

    def pack(self, key: Key) -> None:
        """Keep an object in a small form until it changes, with a note for ``notes``."""
        obj = self._objects.get(key)
        if obj is None or isinstance(obj, Packed):
            return
        place = next(iter(self._places(key, obj)), (key[0], key[1], ""))
        if place in self._by_label and place not in self._samples:
            self._samples[place] = as_json(obj)
        self._objects[key] = Packed.of(obj, self._samples.get(place, b""), note_of(key[0], obj))

    def pack_labeled(self, kind: Kind, namespace: str, value: str) -> None:
        """Pack the objects whose indexed label has that value."""
        for key in self._by_label.get((kind, namespace, value), ()):
            self.pack(key)

    def labeled(self, kind: Kind, namespace: str, value: str) -> list[Object]:
        """Objects whose indexed label has that value, by name."""
        keys = self._by_label.get((kind, namespace, value), ())
        return [_unpacked(self._objects[k]) for k in sorted(keys)]

    def follow(self, namespace: str, value: str) -> set[Key]:
        """A set that gets the key of each object with that value of the indexed label that changes from now on.

        It begins with those that exist. Whoever follows empties it.
        """
        known = [keys for (_, space, label), keys in self._by_label.items() if (space, label) == (namespace, value)]
        return self._followed.setdefault((namespace, value), set().union(*known))

    def unfollow(self, namespace: str, value: str) -> None:
        """End ``follow``."""
        self._followed.pop((namespace, value), None)

    def apply(self, kind: Kind, obj: Object, *, deleted: bool = False) -> bool:
        """Apply one object; return whether it changed the cache."""
        key, version = key_of(kind, obj), version_of(obj)
        uid = obj["metadata"].get("uid", "")
        known = self._objects.get(key)
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
        if known is not None:
            self._remove(key)
        self._objects[key] = obj
        self._index(key, obj)
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
        labels: Mapping[str, str] | None = None,
    ) -> list[Object]:
        """Apply a LIST of a namespace (None: of all) and of these labels. Unknown objects that are over are packed.

        Cached objects that it covers are removed and returned if they are older than the LIST and not in it.
        """
        present = set[Key]()
        for obj in listed.items:
            key = key_of(kind, obj)
            present.add(key)
            known = self._objects.get(key)
            if known is not None and _version(known) == version_of(obj):
                continue
            if self.apply(kind, obj) and known is None and is_over(kind, obj):
                self.pack(key)
        candidates = [
            obj
            for key, obj in self._objects.items()
            if key[0] == kind
            and key not in present
            and namespace in (None, key[1])
            and _version(obj) <= listed.resource_version
            and not (labels and isinstance(obj, Packed))  # a LIST of everything finds those
        ]
        wanted = (labels or {}).items()
        vanished = [o for o in map(_unpacked, candidates) if wanted <= (o["metadata"].get("labels") or {}).items()]
        for obj in vanished:
            self._bury(obj["metadata"].get("uid", ""), listed.resource_version)
            self._remove(key_of(kind, obj))
            self._on_change(kind, obj)
        return vanished

    def forget(self, kind: Kind, namespace: str, value: str) -> None:
        """Drop the objects whose indexed label has that value; the next use must read them live."""
        for key in list(self._by_label.get((kind, namespace, value), ())):
            self._remove(key)

    def _index(self, key: Key, obj: Object) -> None:
        for place in self._places(key, obj):
            self._by_label.setdefault(place, set()).add(key)
            self._note(place, key)

    def _unindex(self, key: Key, obj: Object) -> None:
        for place in self._places(key, obj):
            self._note(place, key)
            keys = self._by_label.get(place, set())
            keys.discard(key)
            if not keys:
                self._by_label.pop(place, None)
                self._samples.pop(place, None)

    def _note(self, place: tuple[Kind, str, str], key: Key) -> None:
        changed = self._followed.get(place[1:])
        if changed is not None:
            changed.add(key)

    def _places(self, key: Key, obj: Object) -> Iterable[tuple[Kind, str, str]]:
        kind, namespace, _ = key
        values = {(obj["metadata"].get("labels") or {}).get(self._label)}
        if kind == Kind.SWEEP_RUN:
            values.add((obj.get("spec") or {}).get("sweepName"))
        return [(kind, namespace, v) for v in values if v]

    def _remove(self, key: Key) -> None:
        self._unindex(key, _unpacked(self._objects.pop(key)))

    def _bury(self, uid: str, version: int) -> None:
        self._tombstones[uid] = max(version, self._tombstones.get(uid, 0))
        while len(self._tombstones) > MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
