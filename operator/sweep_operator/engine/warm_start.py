"""Warm start: the sources are read once and kept in a ConfigMap of the Sweep's: a restart needs none of them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from datetime import timedelta

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.engine.memory import Memory
from sweep_operator.engine.ports import HistoryReader, HistoryUnreadable, Settings
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
    """Reads and keeps what a Sweep starts from."""

    def __init__(self, kube: Kube, store: Store, history: HistoryReader, settings: Settings) -> None:
        self._kube, self._store, self._history, self._settings = kube, store, history, settings

    async def recall(self, sweep: Sweep, memory: Memory) -> None:
        """Fill the memory from the ConfigMap, if there is one."""
        if sweep.spec.warm_start is None or memory.warm_start.observations is not None:
            return
        try:
            obj = await self._kube.get(Kind.CONFIG_MAP, sweep.metadata.namespace, warm_start_name(sweep.name))
        except NotFound:
            return
        memory.warm_start = unpack(obj)

    async def read(self, sweep: Sweep, memory: Memory) -> bool:
        """Read the sources and keep them. False: not yet, try again; after ten minutes the sweep does without."""
        if sweep.spec.warm_start is None:
            return True
        now = self._settings.now()
        memory.warm_start_since = memory.warm_start_since or now
        try:
            history = await self._history.read(sweep, sweep.spec.warm_start)
            state = WarmStartState(history.observations, notes=history.notes)
        except HistoryUnreadable as error:
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
    """The ConfigMap: newest first, as many as fit into 900 KiB."""
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
    """What ``pack`` wrote. A ConfigMap that holds anything else gives no observations and says so."""
    try:
        text = gzip.decompress(base64.b64decode((obj.get("binaryData") or {})[_DATA])).decode()
        rows = [json.loads(line) for line in text.splitlines() if line]
        observations = tuple(
            Observation(r["parameters"], r["score"], r["cost"], r["isFailure"], r["costIsLowerBound"]) for r in rows
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        return WarmStartState((), f"ConfigMap {obj['metadata']['name']} holds no observations: {error}")
    said = obj.get("data") or {}
    return WarmStartState(observations, said.get(_PROBLEM), tuple((said.get(_NOTES) or "").splitlines()))


def _compress(rows: Sequence[str]) -> str:
    return base64.b64encode(gzip.compress("\n".join(rows).encode(), mtime=0)).decode()
