"""Warm start: sources are read once and stored in a ConfigMap of the Sweep, so a restart does not read them again."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from datetime import timedelta

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.user_json import parse_user_json
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.engine.memory import Memory
from sweep_operator.engine.ports import Settings, WarmStartReader, WarmStartUnreadable
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import AlreadyExists, Kind, Kube, NotFound, Object
from sweep_operator.manifests.ownership import owned_by_sweep

PATIENCE = timedelta(minutes=10)
MAX_BYTES = 900 * 1024
_DATA, _PROBLEM, _NOTES = "observations.jsonl.gz", "problem", "notes"


def warm_start_name(sweep: str) -> str:
    """Name of the ConfigMap."""
    return f"{sweep}-warm-start"


class WarmStarter:
    """Reads and stores the warm-start observations of Sweeps."""

    def __init__(self, kube: Kube, store: Store, reader: WarmStartReader, settings: Settings) -> None:
        self._kube, self._store, self._reader, self._settings = kube, store, reader, settings

    async def recall(self, sweep: Sweep, memory: Memory) -> None:
        """Load the observations from the ConfigMap, if it exists."""
        if sweep.spec.warm_start is None or memory.warm_start.observations is not None:
            return
        try:
            obj = await self._kube.get(Kind.CONFIG_MAP, sweep.metadata.namespace, warm_start_name(sweep.name))
        except NotFound:
            return
        memory.warm_start = unpack(obj)

    async def read(self, sweep: Sweep, memory: Memory) -> bool:
        """Read the sources and store them. False: retry; after ten minutes the sweep starts without them."""
        if sweep.spec.warm_start is None:
            return True
        now = self._settings.now()
        memory.warm_start_since = memory.warm_start_since or now
        try:
            rows = await self._reader.read(sweep, sweep.spec.warm_start)
            state = WarmStartState(rows.observations, notes=rows.notes)
        except WarmStartUnreadable as error:
            if not error.lasting and now - memory.warm_start_since < PATIENCE:
                memory.warm_start = WarmStartState(None, str(error))
                return False
            state = WarmStartState(error.readable, str(error))
        self._settings.check_leading()
        try:
            obj = await self._kube.create(Kind.CONFIG_MAP, pack(sweep, state))
        except AlreadyExists:
            obj = await self._kube.get(Kind.CONFIG_MAP, sweep.metadata.namespace, warm_start_name(sweep.name))
        memory.warm_start = unpack(obj)
        return True


def pack(sweep: Sweep, state: WarmStartState) -> Object:
    """Build the ConfigMap: newest observations first, as many as fit into 900 KiB."""
    rows = [
        json.dumps(
            {
                "parameters": o.parameters,
                "score": o.score,
                "cost": o.cost,
                "isFailure": o.is_failure,
                "costIsLowerBound": o.cost_is_lower_bound,
            }
        )
        for o in state.observations or ()
    ]
    said = {
        **({_PROBLEM: state.problem} if state.problem else {}),
        **({_NOTES: "\n".join(state.notes)} if state.notes else {}),
    }
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
        **({"data": said} if said else {}),
    }


def unpack(obj: Object) -> WarmStartState:
    """Parse a ConfigMap of ``pack``. Invalid content gives no observations and a problem."""
    try:
        text = gzip.decompress(base64.b64decode((obj.get("binaryData") or {})[_DATA])).decode()
        rows = [parse_user_json(line) for line in text.splitlines() if line]
        observations = tuple(
            Observation(r["parameters"], r["score"], r["cost"], r["isFailure"], r["costIsLowerBound"]) for r in rows
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        return WarmStartState((), f"ConfigMap {obj['metadata']['name']} contains no observations: {error}")
    said = obj.get("data") or {}
    return WarmStartState(observations, said.get(_PROBLEM), tuple((said.get(_NOTES) or "").splitlines()))


def _compress(rows: Sequence[str]) -> str:
    return base64.b64encode(gzip.compress("\n".join(rows).encode(), mtime=0)).decode()
