"""The objects of the embedded Kube in memory, indexed by name, kind, uid and owner."""

from __future__ import annotations

import functools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import overload

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.kube.embedded.head import Head, head_of
from sweep_operator.kube.embedded.objects import copy
from sweep_operator.kube.labels import labels_match, values_of
from sweep_operator.kube.protocol import Kind, Labels, Object
from sweep_operator.kube.state_file import Body

Key = tuple[Kind, str, str]
"""(kind, namespace, name)"""
RECENT = 1_000
"""Number of objects, those that changed last, that are kept unpacked."""


def key_of(obj: Object) -> Key:
    """The key of an object."""
    return Kind(obj["kind"]), obj["metadata"].get("namespace", "default"), obj["metadata"]["name"]


class _Entry:
    """One object: as the file stores it, and unpacked while it is recent."""

    __slots__ = ("body", "obj", "owners", "run", "uid")

    def __init__(self, uid: str, head: Head, body: Body) -> None:
        self.obj: Object | None = None
        self.body, self.uid, self.owners = body, uid, head.owners
        self.run = None if head.run is None else sys.intern(head.run)


class _Copies(Sequence[Object]):
    """A copy of each object, made when it is asked for. Entries are only replaced, so it stays the same object."""

    def __init__(self, entries: list[_Entry], unpack: Callable[[Body], Object]) -> None:
        self._entries, self._unpack = entries, unpack

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, place: int) -> Object: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Object]: ...

    def __getitem__(self, place: int | slice) -> Object | Sequence[Object]:
        if isinstance(place, slice):
            return _Copies(self._entries[place], self._unpack)
        entry = self._entries[place]
        return self._unpack(entry.body) if entry.obj is None else copy(entry.obj)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


class ObjectIndex:
    """The index. Stored objects are never changed, only replaced, so a caller may keep one."""

    def __init__(self, unpack: Callable[[Kind, Body], Object]) -> None:
        """``unpack``: the object of a body."""
        self._unpack = unpack
        self._by_kind: dict[Kind, dict[tuple[str, str], _Entry]] = {kind: {} for kind in Kind}
        self._by_uid: dict[str, Key] = {}
        self._owned: dict[str, dict[str, Key]] = {}
        self._recent: OrderedDict[str, _Entry] = OrderedDict()
        self._unfinished: dict[Kind, set[tuple[str, str]]] = {Kind.JOB: set(), Kind.POD: set()}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        entry = self._by_kind[kind].get((namespace, name))
        return None if entry is None else self._object(kind, entry)

    def keys(self, kind: Kind, namespace: str | None = None) -> list[Key]:
        """The keys of all objects of a kind (of one namespace), sorted."""
        return [(kind, *place) for place in sorted(self._by_kind[kind]) if namespace in (None, place[0])]

    def copies(self, kind: Kind, namespace: str | None = None, labels: Labels | None = None) -> Sequence[Object]:
        """Copies of these objects, with these labels, as they are now, in that order."""
        labels = labels or {}
        runs = values_of(labels[RUN_LABEL]) if RUN_LABEL in labels else None
        found = sorted(
            place
            for place, entry in self._by_kind[kind].items()
            if namespace in (None, place[0]) and (runs is None or entry.run in runs)
        )
        copies = self._copies(kind, found)
        return tuple(obj for obj in copies if labels_match(obj, labels)) if labels else copies

    def unfinished(self, kind: Kind) -> Sequence[Object]:
        """Copies of the Jobs or pods for which a controller may have something to do."""
        return self._copies(kind, sorted(self._unfinished[kind]))

    def _copies(self, kind: Kind, places: Iterable[tuple[str, str]]) -> Sequence[Object]:
        found = self._by_kind[kind]
        return _Copies([found[place] for place in places], functools.partial(self._unpack, kind))

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
        uid = obj["metadata"]["uid"]
        self._recent[uid] = entry = self.put_packed(Kind(obj["kind"]), uid, head_of(obj), body)
        entry.obj = obj
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)[1].obj = None

    def put_packed(self, kind: Kind, uid: str, head: Head, body: Body) -> _Entry:
        """The same without the object, which is unpacked when it is asked for."""
        place = head.namespace, head.name
        old = self._by_kind[kind].get(place)
        if old is not None:
            self._forget(old)
        self._by_kind[kind][place] = entry = _Entry(uid, head, body)
        self._by_uid[uid] = key = (kind, *place)
        if kind in self._unfinished:
            (set.add if head.unfinished else set.discard)(self._unfinished[kind], place)
        for owner in entry.owners:
            self._owned.setdefault(owner, {})[uid] = key
        return entry

    def remove(self, obj: Object) -> None:
        """Remove an object."""
        kind, namespace, name = key_of(obj)
        old = self._by_kind[kind].pop((namespace, name), None)
        if kind in self._unfinished:
            self._unfinished[kind].discard((namespace, name))
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
