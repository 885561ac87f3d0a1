"""A packed run is parsed from its JSON: with the same result as the object."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.engine.read_run import read_run, stored_run
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import Kind
from tests.builders import make_run, make_sweep
from tests.page_samples import big_sweep_json, hostile_sweep

RUNS = [*big_sweep_json(40, points=3)[1], *(run.to_json() for run in hostile_sweep()[1])]
MANUAL = make_run(make_sweep().build(), None).to_json()


def changed(place: str, value: Any) -> dict[str, Any]:
    obj: dict[str, Any] = copy.deepcopy(RUNS[0])
    *parents, leaf = place.split(".")
    at = obj
    for part in parents:
        at = at.setdefault(part, {})
    at[leaf] = value
    return obj


ODD = [
    changed("status.score", 1),
    changed("status.score", 2**70),
    changed("status.score", True),
    changed("status.score", "1.5"),
    changed("status.score", float("nan")),
    changed("status.metrics", {"reward": 1, "ü": -0.0}),
    changed("status.train.startTime", "2026-11-30T21:12:49.696768Z"),
    changed("status.train.startTime", "2026-11-30T21:12:49+02:00"),
    changed("status.train.startTime", 5),
    changed("status.train.attempts", {}),
    changed("status.fromANewerVersion", {"x": [1]}),
    changed("spec.parameters", {"a": 1, "b": 1.0, "c": True, "d": "x"}),
    changed("spec.parameters", {"text": "\ud800"}),
    changed("spec.index", 1.0),
    changed("spec.index", "1"),
]


@pytest.mark.parametrize("obj", [*RUNS, MANUAL, *ODD])
def test_a_packed_run_is_read_as_the_object_is(obj: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    obj["metadata"] |= {"namespace": "ns", "resourceVersion": "7"}
    key = (Kind.SWEEP_RUN, "ns", obj["metadata"]["name"])
    store = Store(SWEEP_LABEL)
    store.apply(Kind.SWEEP_RUN, obj)
    store.pack(key)
    with caplog.at_level(logging.WARNING):
        wanted = read_run(obj)
        said = [record.getMessage() for record in caplog.records]
        caplog.clear()
        assert repr(stored_run(store, key)) == repr(wanted)
    assert [record.getMessage() for record in caplog.records] == said
