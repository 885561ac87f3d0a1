"""The sweeps of an API server: one watch per resource and namespace, whoever looks.

Runs are kept compressed, relative to another run of their sweep.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweep_operator.cluster.watches import ListAndWatch
from sweep_operator.engine.packed import Packed
from sweep_operator.kube.json_text import as_json
from sweep_operator.kube.protocol import Kind, KubeError, NotFound, Object, WatchEvent
from sweep_operator.ui.source import Key, Runs, Sweeps

if TYPE_CHECKING:
    from sweep_operator.kube.cluster import ClusterKube

log = logging.getLogger(__name__)
Scope = tuple[Kind, str | None]


@dataclass(frozen=True)
class _Run:
    """A stored SweepRun. ``number``: when it arrived, counted over all runs."""

    number: int
    packed: Packed


@dataclass
class _RunsOf:
    """The runs of one sweep, by name. ``number``: of the last change."""

    runs: dict[str, _Run] = field(default_factory=dict)
    sample: bytes = b""
    number: int = 0


class ClusterSource:
    """Sweeps and runs of ``namespaces`` (empty: all). Use :meth:`run`."""

    def __init__(self, kube: ClusterKube, namespaces: Collection[str] = ()) -> None:
        self._sweeps: dict[Key, Object] = {}
        self._runs: dict[Key, _RunsOf] = {}
        self._names: dict[tuple[str, str], Key] = {}
        """Namespace and name of a run to its sweep."""
        self._number = 0
        self._changed = asyncio.Event()
        self._lost: dict[Scope, str] = {}
        scopes = [(k, n) for n in namespaces or (None,) for k in (Kind.SWEEP, Kind.SWEEP_RUN)]
        self._missing = set(scopes)
        """What has not been listed yet."""
        self._watches = [self._watch(kube, scope) for scope in scopes]

    async def run(self) -> None:
        """Keep everything current, through outages and missing permissions."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run())

    # -- what the server asks ---------------------------------------------------------------------------------------

    async def changed(self) -> None:
        """Wait until something may have changed since the last call; at first, until everything is listed."""
        await self._changed.wait()
        self._changed.clear()

    async def sweeps(self) -> Sweeps:
        """All Sweeps."""
        return Sweeps(dict(self._sweeps))

    async def runs(self, key: Key, since: Hashable | None) -> Runs:
        """The runs that have changed since ``since``. Raises NotFound."""
        if key not in self._sweeps:
            raise NotFound(f"no sweep named {key.name!r} in namespace {key.namespace}")
        of = self._runs.get(key) or _RunsOf()
        seen = since if isinstance(since, int) else -1
        packed = [run.packed for run in of.runs.values() if run.number > seen]
        return Runs((p.unpack() for p in packed), list(of.runs), of.number)

    async def objects(self, key: Key, uids: Collection[str]) -> Sequence[Object]:
        """These SweepRuns, those that exist."""
        of = self._runs.get(key) or _RunsOf()
        return [run.packed.unpack() for run in of.runs.values() if run.packed.note in uids]

    async def revisions(self, key: Key, hashes: Collection[str]) -> Sequence[Object]:
        """None: the page's account may not read them, and whoever sees a sweep need not."""
        return ()

    def trouble(self) -> str:
        """Why what is shown may be old."""
        return next((f"waiting for the API server ({reason})" for reason in self._lost.values()), "")

    # -- what arrives -----------------------------------------------------------------------------------------------

    def _watch(self, kube: ClusterKube, scope: Scope) -> ListAndWatch:
        return ListAndWatch(
            kube, *scope,
            listed=lambda objects: self._listed(scope, objects),
            changed=lambda event: self._arrived(scope[0], event),
            lost=lambda error: self._interrupted(scope, error),
            starts_within=None,
        )  # fmt: skip

    def _listed(self, scope: Scope, objects: Sequence[Object]) -> None:
        kind, namespace = scope
        there = {_key(o) for o in objects}
        known = self._sweeps if kind == Kind.SWEEP else [Key(*name) for name in self._names]
        for key in [k for k in known if namespace in (None, k.namespace) and k not in there]:
            self._remove(kind, key)
        for obj in objects:
            self._put(kind, obj)
        self._missing.discard(scope)
        if self._lost.pop(scope, None) and not self._lost:
            log.info("the API server answers again")
        self._wake()

    def _arrived(self, kind: Kind, event: WatchEvent) -> None:
        if event.type == "DELETED":
            self._remove(kind, _key(event.object))
        else:
            self._put(kind, event.object)
        self._wake()

    def _interrupted(self, scope: Scope, error: KubeError) -> None:
        if not self._lost:
            log.warning("waiting for the API server: %s", error)
        if scope not in self._lost:
            self._lost[scope] = str(error)
            self._wake()

    def _wake(self) -> None:
        if not self._missing:
            self._changed.set()

    def _put(self, kind: Kind, obj: Object) -> None:
        key = _key(obj)
        if kind == Kind.SWEEP:
            if _version(self._sweeps.get(key)) != _version(obj):
                self._sweeps[key] = obj
            return
        sweep = Key(key.namespace, sys.intern(str(obj["spec"]["sweepName"])))
        if self._names.get(key, sweep) != sweep:
            self._remove(kind, key)  # deleted and created again for another sweep, while the watch was interrupted
        of = self._runs.setdefault(sweep, _RunsOf())
        known = of.runs.get(key.name)
        if known is not None and str(known.packed.version) == _version(obj):
            return
        of.sample = of.sample or as_json(obj)
        self._number += 1
        of.number = self._number
        of.runs[key.name] = _Run(self._number, Packed.of(obj, of.sample, str(obj["metadata"].get("uid", ""))))
        self._names[key] = sweep

    def _remove(self, kind: Kind, key: Key) -> None:
        if kind == Kind.SWEEP:
            self._sweeps.pop(key, None)
            return
        sweep = self._names.pop(key, None)
        if sweep is None:
            return
        of = self._runs[sweep]
        of.runs.pop(key.name, None)
        self._number += 1
        of.number = self._number
        if not of.runs:
            del self._runs[sweep]


def _key(obj: Object) -> Key:
    meta = obj["metadata"]
    return Key(sys.intern(meta["namespace"]), sys.intern(meta["name"]))


def _version(obj: Object | None) -> str:
    return "" if obj is None else str(obj["metadata"].get("resourceVersion"))
