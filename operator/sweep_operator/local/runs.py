"""The runs of a session's sweep."""

from __future__ import annotations

from sweep_operator.api.stored import read
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.ordering import start_order
from sweep_operator.engine.read_run import read_run
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.local.objects import NAMESPACE


class Runs:
    """Parses each version of a run once, for the passes and for the view."""

    def __init__(self) -> None:
        self._parsed: dict[str, SweepRun] = {}
        self._viewed: dict[str, SweepRun] = {}
        self._changed: set[str] = set()

    def note(self, name: str) -> None:
        """Note that a run has changed."""
        self._changed.add(name)

    def parse(self, obj: Object) -> SweepRun | None:
        """The parsed run; None if it cannot be read."""
        meta = obj["metadata"]
        known = self._parsed.get(meta["name"])
        if known is not None and known.metadata.resource_version == meta["resourceVersion"]:
            return known
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
        """The newest version; None if the run was deleted."""
        key = (Kind.SWEEP_RUN, NAMESPACE, name)
        known, version = self._parsed.get(name), store.version(key)
        if known is not None and version is not None and known.metadata.resource_version == str(version):
            return known
        obj = store.get(*key)
        if obj is None:
            self._parsed.pop(name, None)
            return None
        return self.parse(obj) or read(SweepRun, obj).compact()
