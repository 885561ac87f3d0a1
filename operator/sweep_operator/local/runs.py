"""The runs of a session's sweep."""

from __future__ import annotations

from sweep_operator.api.stored import read
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.ordering import start_order
from sweep_operator.engine.read_run import read_run
from sweep_operator.engine.store import Key, Store
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.local.objects import NAMESPACE


class Runs:
    """Parses each version of a run once, for the passes and for the view."""

    def __init__(self) -> None:
        self._parsed: dict[str, SweepRun] = {}
        self._viewed: dict[str, SweepRun] = {}
        self._changed: set[str] = set()

    def note(self, obj: Object) -> None:
        """Note that a run has changed. It is parsed now, before the store packs it: there may be thousands."""
        self._changed.add(obj["metadata"]["name"])
        self._parse(obj)

    def read(self, store: Store, key: Key) -> SweepRun | None:
        """The newest version; None if the run was deleted or cannot be read."""
        known, version = self._parsed.get(key[2]), store.version(key)
        if known is not None and version is not None and known.metadata.resource_version == str(version):
            return known
        obj = store.get(*key)
        if obj is None:
            self._parsed.pop(key[2], None)
            return None
        return self._parse(obj)

    def _parse(self, obj: Object) -> SweepRun | None:
        """The parsed run; None if it cannot be read."""
        run = read_run(obj)
        if run is not None:
            self._parsed[run.name] = run.compact()
        return run

    def view(self, store: Store) -> list[SweepRun]:
        """All runs: manual ones first, then by index."""
        changed, self._changed = self._changed, set()
        before = len(self._viewed)
        for name in changed:
            run = self._newest(store, name)
            if run is not None:
                self._viewed[name] = run  # a known one keeps its place
            elif self._viewed.pop(name, None) is not None:
                before -= 1
        if len(self._viewed) > before:
            self._viewed = {run.name: run for run in sorted(self._viewed.values(), key=start_order)}
        return list(self._viewed.values())

    def _newest(self, store: Store, name: str) -> SweepRun | None:
        """The newest version, as far as it can be read; None if the run was deleted."""
        key = (Kind.SWEEP_RUN, NAMESPACE, name)
        run = self.read(store, key)
        obj = store.get(*key) if run is None else None
        return run if obj is None else read(SweepRun, obj).compact()
