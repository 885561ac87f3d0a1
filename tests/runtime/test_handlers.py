"""kopf is the source of events and nothing else."""

from __future__ import annotations

import itertools
from typing import Any

import kopf

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.kube.cluster import Credentials
from sweep_operator.kube.protocol import Kind
from sweep_operator.runtime import handlers

WRITING = ("_changing", "_indexing", "_spawning", "_webhooks")


async def _login() -> Credentials:
    return Credentials("https://127.0.0.1:1", None, False, "Bearer", "t", None, None)


def _handlers(registry: kopf.OperatorRegistry, part: str) -> list[Any]:
    return list(vars(registry)[part].get_all_handlers())


def test_only_events_and_the_login_are_handled() -> None:
    registry = handlers.registry(lambda *_, **__: None, _login)
    for part in WRITING:
        assert _handlers(registry, part) == [], f"{part}: kopf would write to every object"
    assert sorted(h.id for h in _handlers(registry, "_watching")) == ["jobs", "pods", "sweepruns", "sweeps"]
    assert [h.id for h in _handlers(registry, "_activities")] == ["connect"]


async def test_an_event_becomes_an_object_of_its_kind() -> None:
    got: list[Any] = []
    registry = handlers.registry(lambda kind, obj, *, deleted: got.append((kind, obj, deleted)), _login)
    handler = next(h for h in _handlers(registry, "_watching") if h.id == "pods")
    annotations = {INDEX_ANNOTATION: "1" * 99, "of/a-user": "x" * 200_000}
    meta = {"name": "p", "managedFields": [1], "annotations": annotations}
    await handler.fn(event={"type": "DELETED", "object": {"metadata": meta}})
    kept = {"name": "p", "annotations": {INDEX_ANNOTATION: "1" * 16}}
    assert got == [(Kind.POD, {"apiVersion": "v1", "kind": "Pod", "metadata": kept}, True)]


def test_pauses_never_end_and_can_be_taken_again() -> None:
    pauses = handlers.settings().networking.error_backoffs
    assert len(list(itertools.islice(pauses, 10_000))) == 10_000
    assert list(itertools.islice(pauses, 4)) == [1.0, 1.0, 2.0, 3.0]


def test_jobs_and_pods_are_selected_by_the_server() -> None:
    assert set(handlers.settings().watching.label_selectors.values()) == {"app.kubernetes.io/managed-by=sweep-operator"}
    assert len(handlers.settings().watching.label_selectors) == 2


def test_kopf_copies_no_object_to_compare_it_with_the_next_version() -> None:
    kept = handlers.settings().persistence
    essence = kept.diffbase_storage.build(body=kopf.Body({"spec": {"parallelism": 1}}))
    assert essence == {}
    assert kept.progress_storage.clear(essence=essence) is essence
