"""The objects of the embedded Kube in memory, indexed by name, kind, uid and owner."""

from __future__ import annotations

from collections.abc import Iterable

from sweep_operator.kube.protocol import Kind, Object

Key = tuple[Kind, str, str]
"""(kind, namespace, name)"""


def key_of(obj: Object) -> Key:
    """The key of an object."""
    return Kind(obj["kind"]), obj["metadata"].get("namespace", "default"), obj["metadata"]["name"]


def owners_of(obj: Object) -> list[Object]:
    """Its ownerReferences."""
    return obj["metadata"].get("ownerReferences") or []


class ObjectIndex:
    """The index. Stored objects are never changed, only replaced, so a caller may keep one."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self._by_kind: dict[Kind, dict[tuple[str, str], Object]] = {kind: {} for kind in Kind}
        self._by_uid: dict[str, Key] = {}
        self._owned: dict[str, dict[str, Key]] = {}
        for obj in objects:
            self.put(obj)

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        return self._by_kind[kind].get((namespace, name))

    def of_kind(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind (of one namespace), sorted by namespace and name."""
        found = self._by_kind[kind]
        return [found[place] for place in sorted(found) if namespace in (None, place[0])]

    def all(self) -> list[Object]:
        """All objects."""
        return [obj for found in self._by_kind.values() for obj in found.values()]

    def exists(self, uid: str) -> bool:
        """Whether an object with this uid exists."""
        return uid in self._by_uid

    def owned_by(self, uid: str) -> list[Object]:
        """Objects with an owner reference to this uid."""
        found = (self.get(*key) for key in self._owned.get(uid, {}).values())
        return [obj for obj in found if obj is not None]

    def put(self, obj: Object) -> None:
        """Add or replace an object."""
        kind, namespace, name = key = key_of(obj)
        uid = obj["metadata"]["uid"]
        old = self._by_kind[kind].get((namespace, name))
        if old is not None:
            self._forget_owners(old)
        self._by_kind[kind][namespace, name] = obj
        self._by_uid[uid] = key
        for owner in owners_of(obj):
            self._owned.setdefault(owner["uid"], {})[uid] = key

    def remove(self, obj: Object) -> None:
        """Remove an object."""
        kind, namespace, name = key_of(obj)
        old = self._by_kind[kind].pop((namespace, name), None)
        if old is not None:
            self._forget_owners(old)
            self._by_uid.pop(old["metadata"]["uid"], None)

    def _forget_owners(self, obj: Object) -> None:
        for owner in owners_of(obj):
            children = self._owned.get(owner["uid"], {})
            children.pop(obj["metadata"]["uid"], None)
            if not children:
                self._owned.pop(owner["uid"], None)
