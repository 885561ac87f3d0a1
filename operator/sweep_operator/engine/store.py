"""The engine's cache of the cluster: the newest known version of every object, its own writes included.

Everything that arrives (watch events, LISTs, responses of own writes) goes through ``apply``; older versions are
ignored. A deleted object leaves a tombstone, so that a late event does not bring it back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from sweep_operator.kube.protocol import Kind, Object, ObjectList

Key = tuple[Kind, str, str]
MAX_TOMBSTONES = 20_000


def key_of(kind: Kind, obj: Object) -> Key:
    """(kind, namespace, name)."""
    meta = obj["metadata"]
    return kind, meta.get("namespace", ""), meta["name"]


def version_of(obj: Object) -> int:
    """The resourceVersion as a number."""
    return int(obj["metadata"].get("resourceVersion") or 0)


class Store:
    """Objects by key, with an index by namespace and label value."""

    def __init__(self, indexed_label: str, on_change: Callable[[Kind, Object], None] = lambda kind, obj: None) -> None:
        """``on_change`` is called with each object that has changed or was deleted."""
        self._label, self._on_change = indexed_label, on_change
        self._objects: dict[Key, Object] = {}
        self._tombstones: OrderedDict[str, int] = OrderedDict()
        self._by_label: dict[tuple[Kind, str, str], set[Key]] = {}
        self._followed: dict[tuple[str, str], set[Key]] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The newest known version, or None."""
        return self._objects.get((kind, namespace, name))

    def all(self, kind: Kind) -> list[Object]:
        """All objects of a resource type."""
        return [o for (k, _, _), o in self._objects.items() if k == kind]

    def labeled(self, kind: Kind, namespace: str, value: str) -> list[Object]:
        """Objects whose indexed label has that value, by name."""
        keys = self._by_label.get((kind, namespace, value), ())
        return [self._objects[k] for k in sorted(keys)]

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
        if known is not None and version_of(known) > version:
            return False
        if deleted:
            self._bury(uid, version)
            if known is not None and known["metadata"].get("uid") == uid:
                self._remove(key)
            self._on_change(kind, obj)
            return True
        if known is not None and version_of(known) == version:
            return False
        if known is not None:
            self._unindex(key, known)
        self._objects[key] = obj
        self._index(key, obj)
        self._on_change(kind, obj)
        return True

    def gone(self, kind: Kind, namespace: str, name: str) -> None:
        """Remove an object after a live GET returned 404."""
        known = self._objects.get((kind, namespace, name))
        if known is not None:
            self._bury(known["metadata"].get("uid", ""), version_of(known))
            self._remove((kind, namespace, name))

    def replace(
        self,
        kind: Kind,
        listed: ObjectList,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> list[Object]:
        """Apply a LIST of a namespace (None: of all) and of these labels.

        Cached objects that it covers are removed and returned if they are older than the LIST and not in it.
        """
        present = {key_of(kind, o) for o in listed.items}
        for obj in listed.items:
            self.apply(kind, obj)
        vanished = [
            obj
            for key, obj in list(self._objects.items())
            if key[0] == kind
            and key not in present
            and namespace in (None, key[1])
            and (labels or {}).items() <= (obj["metadata"].get("labels") or {}).items()
            and version_of(obj) <= listed.resource_version
        ]
        for obj in vanished:
            self._bury(obj["metadata"].get("uid", ""), listed.resource_version)
            self._remove(key_of(kind, obj))
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
        self._unindex(key, self._objects.pop(key))

    def _bury(self, uid: str, version: int) -> None:
        self._tombstones[uid] = max(version, self._tombstones.get(uid, 0))
        while len(self._tombstones) > MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
