"""Warm start: sources are read once and stored in a ConfigMap of the Sweep, so a restart does not read them again."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from pydantic.alias_generators import to_camel

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.user_json import parse_user_json
from sweep_operator.api.warm_start import WarmStart
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.engine.background import Background
from sweep_operator.engine.objects import Objects
from sweep_operator.engine.ports import Settings, WarmStartReader, WarmStartUnreadable
from sweep_operator.kube.protocol import Kind, NotFound, Object
from sweep_operator.manifests.ownership import owned_by_sweep

PATIENCE = timedelta(minutes=10)
RETRY_SECONDS = 10.0
"""Seconds until unreadable sources are read again."""
MAX_BYTES = 900 * 1024
_DATA, _PROBLEM, _NOTES = "observations.jsonl.gz", "problem", "notes"
_FIELDS = {f.name: to_camel(f.name) for f in dataclasses.fields(Observation)}
"""Fields of an observation, and their names in the stored rows."""


def warm_start_name(sweep: str) -> str:
    """Name of the ConfigMap."""
    return f"{sweep}-warm-start"


class WarmStarter:
    """The warm-start observations of one Sweep."""

    def __init__(self, objects: Objects, reader: WarmStartReader, background: Background, settings: Settings) -> None:
        self._objects, self._reader, self._background, self._settings = objects, reader, background, settings
        self._since: datetime | None = None
        self.state = WarmStartState()

    async def recall(self, sweep: Sweep) -> None:
        """Load the observations from the ConfigMap, if it exists. Raises KubeError."""
        if sweep.spec.warm_start is None or self.state.observations is not None:
            return
        with suppress(NotFound):
            self.state = unpack(
                await self._objects.kube.get(Kind.CONFIG_MAP, sweep.metadata.namespace, warm_start_name(sweep.name))
            )

    def read(self, sweep: Sweep) -> None:
        """Read the sources in the background, unless that is already in progress."""
        warm_start = sweep.spec.warm_start
        if warm_start is not None and not self._background.running:
            self._background.start(lambda: self._read(sweep, warm_start))

    async def _read(self, sweep: Sweep, warm_start: WarmStart) -> float:
        """Read the sources and store them. After ten minutes without an answer, the sweep starts without them."""
        now = self._settings.now()
        self._since = self._since or now
        try:
            rows = await self._reader.read(sweep, warm_start)
            state = WarmStartState(rows.observations, notes=rows.notes)
        except WarmStartUnreadable as error:
            if not error.lasting and now - self._since < PATIENCE:
                self.state = WarmStartState(None, str(error))
                return RETRY_SECONDS
            state = WarmStartState(error.readable, str(error))
        self.state = unpack(await self._objects.create(Kind.CONFIG_MAP, pack(sweep, state)))
        return 0.0


def pack(sweep: Sweep, state: WarmStartState) -> Object:
    """Build the ConfigMap: newest observations first, as many as fit into 900 KiB."""
    rows = [json.dumps({wire: getattr(o, field) for field, wire in _FIELDS.items()}) for o in state.observations or ()]
    texts = {name: text for name, text in ((_PROBLEM, state.problem), (_NOTES, "\n".join(state.notes))) if text}
    data = _compress(rows)
    while len(data) > MAX_BYTES and rows:
        rows = rows[: len(rows) * MAX_BYTES // len(data)]
        data = _compress(rows)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": warm_start_name(sweep.name),
            "namespace": sweep.metadata.namespace,
            "labels": {SWEEP_LABEL: sweep.name, MANAGED_BY_LABEL: MANAGED_BY},
            "ownerReferences": owned_by_sweep(sweep),
        },
        "binaryData": {_DATA: data},
        **({"data": texts} if texts else {}),
    }


def unpack(obj: Object) -> WarmStartState:
    """Parse a ConfigMap of ``pack``. Invalid content gives no observations and a problem."""
    try:
        text = gzip.decompress(base64.b64decode((obj.get("binaryData") or {})[_DATA])).decode()
        rows = [parse_user_json(line) for line in text.splitlines() if line]
        observations = tuple(Observation(**{field: r[wire] for field, wire in _FIELDS.items()}) for r in rows)
    except (KeyError, TypeError, ValueError, OSError) as error:
        return WarmStartState((), f"ConfigMap {obj['metadata']['name']} contains no observations: {error}")
    texts = obj.get("data") or {}
    return WarmStartState(observations, texts.get(_PROBLEM), tuple((texts.get(_NOTES) or "").splitlines()))


def _compress(rows: Sequence[str]) -> str:
    return base64.b64encode(gzip.compress("\n".join(rows).encode(), mtime=0)).decode()
