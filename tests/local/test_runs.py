"""The runs of a session: each version is parsed once, and the view is as the store is."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.local import runs as module
from sweep_operator.local.objects import NAMESPACE
from sweep_operator.local.runs import Runs


def stored(name: str, version: int, index: int | None = None) -> Object:
    meta = {"name": name, "namespace": NAMESPACE, "uid": name, "resourceVersion": str(version)}
    spec: dict[str, Any] = {"sweepName": "s", "parameters": {"x": version}}
    spec |= {} if index is None else {"index": index}
    return {"apiVersion": "metta.ai/v1alpha1", "kind": "SweepRun", "metadata": meta, "spec": spec}


def test_the_view_follows_the_store_and_parses_each_version_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[tuple[str, str]] = []
    read_run = module.read_run

    def counted(obj: Object) -> Any:
        parsed.append((obj["metadata"]["name"], obj["metadata"]["resourceVersion"]))
        return read_run(obj)

    monkeypatch.setattr(module, "read_run", counted)
    runs = Runs()
    store = Store(SWEEP_LABEL, lambda kind, obj: runs.note(obj))
    for obj in (stored("s.r.1", 1, 1), stored("mine", 2), stored("s.r.0", 3, 0)):
        store.apply(Kind.SWEEP_RUN, obj)
    assert [run.name for run in runs.view(store)] == ["mine", "s.r.0", "s.r.1"]
    newer = stored("s.r.1", 4, 1)
    store.apply(Kind.SWEEP_RUN, newer)
    assert [run.parameters["x"] for run in runs.view(store)] == [2, 3, 4]
    assert runs.read(store, (Kind.SWEEP_RUN, NAMESPACE, "s.r.1")) is runs.view(store)[2]
    assert parsed == [("s.r.1", "1"), ("mine", "2"), ("s.r.0", "3"), ("s.r.1", "4")]
    store.gone(Kind.SWEEP_RUN, NAMESPACE, "mine")
    assert [run.name for run in runs.view(store)] == ["s.r.0", "s.r.1"]
    store.apply(Kind.SWEEP_RUN, {**stored("mine", 9), "metadata": {**stored("mine", 9)["metadata"], "uid": "other"}})
    assert [run.name for run in runs.view(store)] == ["mine", "s.r.0", "s.r.1"]
