"""Warm start: sources are read once and stored in a ConfigMap of the Sweep, so a restart does not read them again.

Whoever may create ConfigMaps could create one with this name and any owner reference. Its content therefore counts only
if its digest is in the status of the Sweep, which is written before the ConfigMap is created.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations, Event
from sweep_operator.decide.snapshot import WarmStartState
from sweep_operator.domain.identity import warm_start_name
from sweep_operator.engine.background import Background
from sweep_operator.engine.objects import Objects
from sweep_operator.engine.ports import Settings, WarmStartReader, WarmStartUnreadable
from sweep_operator.engine.recorder import Recorder
from sweep_operator.kube.protocol import Kind, NotFound, Object
from sweep_operator.manifests.ownership import owned_by_sweep
from sweep_operator.sandbox.tasks import Evaluator, Join, Refused, evaluate

log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=10)
RETRY_SECONDS = 10.0
"""Seconds until unreadable sources are read again."""
_DATA, _PROBLEM, _NOTES = "observations.jsonl.gz", "problem", "notes"
_WAITS = "the sources are read when the namespace has its turn: its new and changed Sweeps have used up their share"
UNPACK_SECONDS = 10.0
"""CPU time for parsing the stored observations."""


class WarmStarter:
    """The warm-start observations of one Sweep."""

    def __init__(
        self,
        objects: Objects,
        reader: WarmStartReader,
        recorder: Recorder,
        background: Background,
        settings: Settings,
    ) -> None:
        self._objects, self._reader, self._recorder = objects, reader, recorder
        self._background, self._settings = background, settings
        self._since: datetime | None = None
        self._stored_form: Object | None = None
        """The ConfigMap that is to be created."""
        self._recalled = False
        self.state = WarmStartState()

    async def recall(self, sweep: Sweep) -> bool:
        """Load the stored observations, or store new ones. False: they are being loaded. Raises KubeError."""
        recorded = sweep.status.warm_start_digest
        if sweep.spec.warm_start is None:
            return True
        if self.state.observations is not None:
            if self._stored_form is not None and self.state.digest == recorded:
                await self._store(sweep, self._stored_form)
            return True
        # Version 0.1.0 recorded no digest: then the sources are read again.
        if recorded is not None and not self._recalled:
            if not self._background.running:
                self._background.start(lambda: self._recall(sweep, recorded))
            await asyncio.sleep(0)
            return self._recalled
        return True

    async def _recall(self, sweep: Sweep, recorded: str) -> float:
        namespace, name = sweep.metadata.namespace, warm_start_name(sweep.name, recorded)
        with suppress(NotFound):
            obj = await self._objects.kube.get(Kind.CONFIG_MAP, namespace, name)
            if _digest(obj) == recorded:
                self.state = await self._unpacked(namespace, obj, recorded)
            else:
                log.warning("ConfigMap %s/%s has other content than the operator stored; ignoring it", namespace, name)
        self._recalled = True
        return 0.0

    async def _unpacked(self, namespace: str, obj: Object, recorded: str) -> WarmStartState:
        try:
            observations = await unpacked_sources(self._settings.evaluator, namespace, obj)
        except Refused as error:
            log.warning("%s", error)
            return WarmStartState()
        texts = obj.get("data") or {}
        notes = tuple((texts.get(_NOTES) or "").splitlines())
        return WarmStartState(observations, texts.get(_PROBLEM), notes, recorded)

    def read(self, sweep: Sweep) -> None:
        """Read the sources in the background, unless that is already in progress."""
        warm_start = sweep.spec.warm_start
        if warm_start is not None and not self._background.running:
            self._background.start(lambda: self._read(sweep, warm_start))

    async def _read(self, sweep: Sweep, warm_start: WarmStart) -> float:
        """Read the sources. After ten minutes without an answer, the sweep starts without them."""
        allowances, namespace = self._settings.allowances, sweep.metadata.namespace
        if allowances is not None:
            if allowances.exhausted(namespace):
                self.state = WarmStartState(None, _WAITS)
                self._background.wake()
            await allowances.turn(namespace)
        now = self._settings.now()
        self._since = self._since or now
        try:
            rows = await self._reader.read(sweep, warm_start)
            state = WarmStartState(rows.observations, notes=rows.notes)
        except WarmStartUnreadable as error:
            if not error.lasting and now - self._since < PATIENCE:
                self.state = WarmStartState(None, f"{error}; retrying")
                return RETRY_SECONDS
            state = WarmStartState(error.readable, str(error))
        self.state, self._stored_form = config_map_of(sweep, state)
        return 0.0

    async def _store(self, sweep: Sweep, body: Object) -> None:
        """Create the ConfigMap, after its digest was written to the status."""
        found = await self._objects.create(Kind.CONFIG_MAP, body)
        self._stored_form = None
        if _digest(found) != self.state.digest:
            text = f"ConfigMap {body['metadata']['name']} exists with other content; it is ignored, and a restart of "
            text += "the operator reads the sources of warmStart again"
            self._recorder.record(sweep, (Event("WarmStartNotStored", text, None, "Warning"),))


def config_map_of(sweep: Sweep, state: WarmStartState) -> tuple[WarmStartState, Object]:
    """Build the ConfigMap. Returns the state with its digest, and the ConfigMap."""
    observations = state.observations or NOTHING_EARLIER
    texts = {name: text for name, text in ((_PROBLEM, state.problem), (_NOTES, "\n".join(state.notes))) if text}
    content: Object = {"binaryData": {_DATA: observations.content}, **({"data": texts} if texts else {})}
    digest = _digest(content)
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "immutable": True,
        "metadata": {
            "name": warm_start_name(sweep.name, digest),
            "namespace": sweep.metadata.namespace,
            "labels": {SWEEP_LABEL: sweep.name, MANAGED_BY_LABEL: MANAGED_BY},
            "ownerReferences": owned_by_sweep(sweep),
        },
        **content,
    }
    return dataclasses.replace(state, digest=digest), body


def stored_observations(sweep: Sweep, config_maps: Iterable[Object]) -> EarlierObservations:
    """The observations of the warm start that a Sweep has learned from. Raises LookupError if they are not there."""
    if sweep.status.warm_start_digest is None:
        return NOTHING_EARLIER
    obj = stored_sources(sweep, sweep.status.warm_start_digest, config_maps)
    return evaluate(Join(parts=[obj["binaryData"][_DATA]])).learned.observations


def stored_sources(sweep: Sweep, digest: str, config_maps: Iterable[Object]) -> Object:
    """The ConfigMap with these observations. Raises LookupError if it is missing or has other content."""
    name = warm_start_name(sweep.name, digest)
    obj = next((o for o in config_maps if o["metadata"]["name"] == name and _digest(o) == digest), None)
    if obj is None:
        raise LookupError(f"ConfigMap {name} with the observations of the warm start")
    return obj


async def unpacked_sources(evaluator: Evaluator, namespace: str, obj: Object) -> EarlierObservations:
    """The observations of such a ConfigMap. There may be many, so another process unpacks them. Raises Refused."""
    try:
        answer = await evaluator.evaluate(namespace, Join(parts=[obj["binaryData"][_DATA]]), UNPACK_SECONDS)
    except (KeyError, Refused) as error:
        raise Refused(f"the stored warm start cannot be read: {error}") from None
    if answer.error is not None:
        raise Refused(f"the stored warm start cannot be read: {answer.error}")
    return answer.learned.observations


def _digest(obj: Object) -> str:
    """SHA-256 of the content of a ConfigMap."""
    content = json.dumps([obj.get("binaryData") or {}, obj.get("data") or {}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
