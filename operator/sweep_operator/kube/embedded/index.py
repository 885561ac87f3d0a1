"""The objects of the embedded Kube in memory, indexed by name, kind, uid and owner."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kube.state_file import Body

Key = tuple[Kind, str, str]
"""(kind, namespace, name)"""
RECENT = 1_000
"""Number of objects, those that changed last, that are kept unpacked."""


def key_of(obj: Object) -> Key:
    """The key of an object."""
    return Kind(obj["kind"]), obj["metadata"].get("namespace", "default"), obj["metadata"]["name"]


def owners_of(obj: Object) -> list[Object]:
    """Its ownerReferences."""
    return obj["metadata"].get("ownerReferences") or []


class _Entry:
    """One object: as the file stores it, and unpacked while it is recent."""

    __slots__ = ("body", "obj", "owners", "uid")

    def __init__(self, obj: Object, body: Body) -> None:
        self.obj: Object | None = obj
        self.body, self.uid = body, obj["metadata"]["uid"]
        self.owners = tuple(owner["uid"] for owner in owners_of(obj))


class ObjectIndex:
    """The index. Stored objects are never changed, only replaced, so a caller may keep one."""

    def __init__(self, unpack: Callable[[Kind, Body], Object]) -> None:
        """``unpack``: the object of a body."""
        self._unpack = unpack
        self._by_kind: dict[Kind, dict[tuple[str, str], _Entry]] = {kind: {} for kind in Kind}
        self._by_uid: dict[str, Key] = {}
        self._owned: dict[str, dict[str, Key]] = {}
        self._recent: OrderedDict[str, _Entry] = OrderedDict()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        entry = self._by_kind[kind].get((namespace, name))
        return None if entry is None else self._object(kind, entry)

    def of_kind(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind (of one namespace), sorted by namespace and name."""
        found = self._by_kind[kind]
        return [self._object(kind, found[place]) for place in sorted(found) if namespace in (None, place[0])]

    def orphans(self) -> list[Key]:
        """The objects with owners of which none exists."""
        return [
            (kind, *place)
            for kind, found in self._by_kind.items()
            for place, entry in found.items()
            if entry.owners and not any(map(self.exists, entry.owners))
        ]

    def exists(self, uid: str) -> bool:
        """Whether an object with this uid exists."""
        return uid in self._by_uid

    def owned_by(self, uid: str) -> list[Object]:
        """Objects with an owner reference to this uid."""
        found = (self.get(*key) for key in self._owned.get(uid, {}).values())
        return [obj for obj in found if obj is not None]

    def put(self, obj: Object, body: Body) -> None:
        """Add or replace an object. ``body``: the same, as the file stores it."""
        kind, namespace, name = key = key_of(obj)
        uid = obj["metadata"]["uid"]
        old = self._by_kind[kind].get((namespace, name))
        if old is not None:
            self._forget(old)
        self._by_kind[kind][namespace, name] = self._recent[uid] = entry = _Entry(obj, body)
        self._by_uid[uid] = key
        for owner in entry.owners:
            self._owned.setdefault(owner, {})[uid] = key
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)[1].obj = None

    def remove(self, obj: Object) -> None:
        """Remove an object."""
        kind, namespace, name = key_of(obj)
        old = self._by_kind[kind].pop((namespace, name), None)
        if old is not None:
            self._forget(old)
            self._by_uid.pop(old.uid, None)

    def _object(self, kind: Kind, entry: _Entry) -> Object:
        return self._unpack(kind, entry.body) if entry.obj is None else entry.obj

    def _forget(self, entry: _Entry) -> None:
        self._recent.pop(entry.uid, None)
        for owner in entry.owners:
            children = self._owned.get(owner, {})
            children.pop(entry.uid, None)
            if not children:
                self._owned.pop(owner, None)
