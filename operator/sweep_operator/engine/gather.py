"""Builds a Snapshot from the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.stored import read_with_errors
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.observed import view_job, view_pod, view_service
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.domain.identity import belongs
from sweep_operator.domain.revisions import RunTemplate, revision_name
from sweep_operator.engine.objects import Objects
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.manifests.revision import read_revision

log = logging.getLogger(__name__)
T = TypeVar("T")


class Reader(Generic[T]):
    """Parses each version of an object once: most objects do not change between passes.

    The cache is keyed by the identity of the stored object: the store replaces objects and never modifies them.
    """

    def __init__(self, read: Callable[[Object], T | None]) -> None:
        self._read = read
        self._known: dict[int, tuple[Object, T | None]] = {}

    def all(self, objects: Iterable[Object]) -> list[T]:
        """Parsed values of ``objects``, except None. Entries of other objects are dropped."""
        known, self._known = self._known, {}
        for obj in objects:
            entry = known.get(id(obj)) or (obj, self._read(obj))  # the entry holds obj, so its id is its own
            self._known[id(obj)] = entry
        return [value for _, value in self._known.values() if value is not None]


class Gatherer:
    """Builds the Snapshots of one Sweep, as far as they follow from the cluster's objects."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._runs, self._jobs, self._pods = Reader(_read_run), Reader(view_job), Reader(view_pod)
        self._services = Reader(view_service)

    async def snapshot(self, sweep: Sweep, config: OperatorConfig, now: datetime) -> Snapshot:
        """All objects of ``sweep``. Raises KubeError."""
        namespace, store = sweep.metadata.namespace, self._objects.store
        stored = store.labeled(Kind.SWEEP_RUN, namespace, sweep.name)
        runs = [r for r in self._runs.all(stored) if belongs(r, sweep)]
        owned = {r.name for r in runs}
        return Snapshot(
            sweep=sweep,
            runs=tuple(runs),
            jobs=tuple(j for j in self._jobs.all(store.labeled(Kind.JOB, namespace, sweep.name)) if j.run in owned),
            pods=tuple(p for p in self._pods.all(store.labeled(Kind.POD, namespace, sweep.name)) if p.run in owned),
            revisions=await self._revisions(namespace, sweep.name, runs),
            now=now,
            config=config,
            services=tuple(self._services.all(store.labeled(Kind.SERVICE, namespace, sweep.name))),
            claims=frozenset(
                c["metadata"]["name"]
                for c in store.labeled(Kind.CLAIM, namespace, sweep.name)
                if not c["metadata"].get("deletionTimestamp")
            ),
        )

    async def _revisions(self, namespace: str, sweep: str, runs: list[SweepRun]) -> Mapping[str, RunTemplate]:
        """The templates that the runs started with, by hash."""
        found: dict[str, RunTemplate] = {}
        for wanted in sorted({r.status.template_hash for r in runs if r.status.template_hash}):
            name = revision_name(sweep, wanted)
            obj = self._objects.store.get(Kind.REVISION, namespace, name)
            obj = obj or await self._objects.read(Kind.REVISION, namespace, name)
            if obj is not None:
                found[wanted] = read_revision(obj)
        return found


def _read_run(obj: Object) -> SweepRun | None:
    """None for a run that cannot be read (created before its field had a schema, for example): it is ignored."""
    try:
        run, errors = read_with_errors(SweepRun, obj)
        if not errors:
            return run
    except InvalidObject as error:
        errors = error.errors
    meta = obj["metadata"]
    log.warning("SweepRun %s/%s: %s", meta.get("namespace"), meta["name"], "; ".join(map(str, errors)))
    return None
