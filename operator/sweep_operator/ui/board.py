"""One sweep that somebody looks at: its rows as JSON, converted only when their run has changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel

from sweep_operator.api.errors import parse
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.kube.protocol import Object
from sweep_operator.manifests.revision import read_revision
from sweep_operator.ui.source import Key, Runs, Source
from sweep_operator.ui.tracked import Tracked
from sweep_operator.views.page.models import SweepRow
from sweep_operator.views.page.rows import run_row
from sweep_operator.views.page.run_models import Curve, RunRow
from sweep_operator.views.page.sweeps import sweep_head
from sweep_operator.views.training_command import Templates

log = logging.getLogger(__name__)


def named(row: SweepRow, key: Key) -> SweepRow:
    """The row under the name by which the source knows the sweep."""
    return row if row.name == key.name else row.with_(name=key.name, display_name=key.name)


def to_bytes(model: BaseModel) -> bytes:
    """The JSON that the page reads: every field is present."""
    return model.model_dump_json(by_alias=True).encode()


@dataclass
class _Converted:
    """What has changed in one pass."""

    rows: dict[str, RunRow] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    curves: dict[str, bytes] = field(default_factory=dict)
    uids: dict[str, str] = field(default_factory=dict)
    best: SweepRun | None = None


class Board:
    """The document of one sweep. ``refresh`` is called by one task; readers see it before or after a pass."""

    def __init__(self, key: Key, number: int) -> None:
        self.key, self.number = key, number
        self.clients = 0
        self.idle_since = 0.0
        self._clear(0)

    def _clear(self, now: int) -> None:
        self.rows, self.curves, self.head = Tracked(), Tracked(), b""
        self.began = now
        """Pass in which it was read from scratch: who has seen an earlier one needs everything."""
        self.head_changed = now
        self.uids: dict[str, str] = {}
        self.models: dict[str, RunRow] = {}
        self._version: Hashable | None = None
        self._sweep: Object | None = None
        self._best: SweepRun | None = None
        self._templates: Templates = {}

    @property
    def exists(self) -> bool:
        """Whether the sweep exists and was read."""
        return bool(self.head)

    @property
    def complete_since(self) -> int:
        """The last pass from which a client can continue."""
        return max(self.began, self.rows.complete_since, self.curves.complete_since)

    async def refresh(self, source: Source, sweep: Object | None, now: int) -> bool:
        """Read what has changed; return whether anything has. Raises KubeError, InvalidObject."""
        before = self._sweep
        if sweep is None:
            if before is not None or not self.began:
                self._clear(now)
            return before is not None
        if before is None or before["metadata"]["uid"] != sweep["metadata"]["uid"]:
            self._clear(now)
        elif before["metadata"].get("generation") != sweep["metadata"].get("generation"):
            self._version = None  # rows depend on the spec
        runs = await source.runs(self.key, self._version)
        if runs.version == self._version and sweep is before:
            return False
        parsed = read(Sweep, sweep)
        converted = await asyncio.to_thread(_convert, parsed, runs)
        await self._find_best(source, parsed, converted.best)
        changed = self._apply(converted, runs, now)
        head = await asyncio.to_thread(self._head, parsed)
        if head != self.head:
            self.head, self.head_changed, changed = head, now, True
        self._sweep, self._version = sweep, runs.version
        return changed

    def _apply(self, converted: _Converted, runs: Runs, now: int) -> bool:
        changed = False
        self.models |= converted.rows
        self.uids |= converted.uids
        for name, text in converted.texts.items():
            changed |= self.rows.put(name, text, now)
        for name, text in converted.curves.items():
            changed |= self.curves.put(name, text, now)
        if self.rows.keep_only(runs.names, now):
            self.curves.keep_only(runs.names, now)
            self.models = {n: row for n, row in self.models.items() if n in self.rows.values}
            self.uids = {n: uid for n, uid in self.uids.items() if n in self.rows.values}
            changed = True
        return changed

    def _head(self, sweep: Sweep) -> bytes:
        rows = list(self.models.values())
        head = sweep_head(sweep, rows, self._best, self._templates, datetime.now(UTC))
        return to_bytes(head.with_(row=named(head.row, self.key)))

    async def _find_best(self, source: Source, sweep: Sweep, converted: SweepRun | None) -> None:
        """Read the best run and its template, unless they are known or among what has changed."""
        before, best = self._best, converted
        name = sweep.status.best[0].run if sweep.status.best else ""
        if best is None and before is not None and before.name == name:
            return
        if best is None and (uid := self.uids.get(name)) is not None:
            best = next((read(SweepRun, obj) for obj in await source.objects(self.key, [uid])), None)
        used = None if best is None else best.status.template_hash
        if used is not None and used not in self._templates:
            self._templates = templates_of(sweep, await source.revisions(self.key, [used]))
        self._best = best


def templates_of(sweep: Sweep, revisions: Sequence[Object]) -> Templates:
    """The templates by hash."""
    return {r["metadata"]["name"].removeprefix(f"{sweep.name}-"): read_revision(r) for r in revisions}


def _convert(sweep: Sweep, runs: Runs) -> _Converted:
    best = sweep.status.best[0].run if sweep.status.best else None
    found = _Converted()
    for obj in runs.changed:
        try:
            run, curve = _read(obj)
            row = run_row(sweep, run).with_(has_curve=curve is not None).compact()
        except ValueError as error:  # such as a field of a newer version: all other runs are shown
            log.warning("%s: %s", obj["metadata"]["name"], error)
            continue
        found.rows[run.name], found.texts[run.name] = row, to_bytes(row)
        found.uids[run.name] = run.metadata.uid
        if curve is not None:
            found.curves[run.name] = to_bytes(curve)
        if run.name == best:
            found.best = run
    return found


def _read(obj: Object) -> tuple[SweepRun, Curve | None]:
    """The run without its curve, whose points would take most of the time as models, and the curve."""
    status = obj.get("status") or {}
    points = status.get("curve") or ()
    run = read(SweepRun, {**obj, "status": {**status, "curve": []}})
    if len(points) < 2:
        return run, None
    step, value, seconds = ([point.get(name) for point in points] for name in ("step", "value", "seconds"))
    return run, parse(Curve, {"step": step, "value": value, "seconds": seconds})
