"""Which Jobs, pods and Services belong to which run of a Sweep, and how decisions see them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sweep_operator.api.names import RESULT_FINALIZER, RUN_LABEL
from sweep_operator.decide.observed import view_job, view_pod, view_service
from sweep_operator.engine.store import Key, Store
from sweep_operator.kube.protocol import Kind, Object

_READERS: Mapping[Kind, Callable[[Object], Any]] = {
    Kind.JOB: view_job,
    Kind.POD: view_pod,
    Kind.SERVICE: view_service,
}


class Parts:
    """The objects of the runs, by the name of the run. Each version is parsed once, when it is asked for."""

    def __init__(self, store: Store, namespace: str) -> None:
        self._store, self._namespace = store, namespace
        self._names: dict[str, tuple[Kind | str, ...]] = {}
        """By run: resource type and name of each object, one after the other. A tuple for each would double it."""
        self._run_of: dict[Kind, dict[str, str]] = {kind: {} for kind in _READERS}
        """By resource type and name."""
        self._views: dict[Key, Any] = {}
        self._holding: dict[Key, str] = {}
        """By pod with the operator's finalizer: its run."""

    def place(self, key: Key) -> set[str]:
        """Note a change of an object. Return the runs that it concerns."""
        if key[0] not in _READERS:
            return set()
        kind, _, name = key
        run, held = self._look(key)
        before = self._run_of[kind].get(name)
        self._views.pop(key, None)
        self._holding.pop(key, None)
        if before is not None and before != run:
            del self._run_of[kind][name]
            self._list(before, (other for other in self.of(before) if other != key))
        if run is not None and before != run:
            self._run_of[kind][name] = run
            self._list(run, sorted((*self.of(run), key)))
        if run is not None and held:
            self._holding[key] = run
        return {name for name in (before, run) if name is not None}

    def _look(self, key: Key) -> tuple[str | None, bool]:
        """The run of an object, None if it was deleted; whether it is a pod with the operator's finalizer."""
        if isinstance(note := self._store.note(key), str):
            return note, False
        meta = (self._store.get(*key) or {"metadata": {}})["metadata"]
        held = key[0] == Kind.POD and RESULT_FINALIZER in (meta.get("finalizers") or [])
        run = (meta.get("labels") or {}).get(RUN_LABEL)
        return None if run is None else sys.intern(run), held

    def of(self, run: str) -> list[Key]:
        """The keys of a run's objects."""
        names = self._names.get(run, ())
        return [(Kind(kind), self._namespace, name) for kind, name in zip(names[::2], names[1::2], strict=True)]

    def _list(self, run: str, keys: Iterable[Key]) -> None:
        names = tuple(part for kind, _, name in keys for part in (kind, name))
        self._names.pop(run, None)
        self._names |= {run: names} if names else {}

    def views(self, kind: Kind, runs: Iterable[str]) -> tuple[Any, ...]:
        """The objects of one type of these runs."""
        keys = (key for run in runs for key in self.of(run) if key[0] == kind)
        return tuple(view for key in keys if (view := self._view(key)) is not None)

    def forget(self, run: str) -> None:
        """Drop what was parsed of a run."""
        for key in self.of(run):
            self._views.pop(key, None)

    def holding(self) -> list[tuple[str, str]]:
        """(pod, run) of the pods with the operator's finalizer."""
        return [(key[2], run) for key, run in self._holding.items()]

    def _view(self, key: Key) -> Any:
        if key not in self._views:
            obj = self._store.get(*key)
            self._views[key] = None if obj is None else _READERS[key[0]](obj)
        return self._views[key]
