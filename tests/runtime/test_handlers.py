"""kopf is the source of events and nothing else."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import kopf
import pytest
from aiohttp import web

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.engine.engine import WATCHED
from sweep_operator.kube.cluster import Credentials, resource
from sweep_operator.kube.protocol import Kind, Unavailable
from sweep_operator.runtime import handlers
from tests.kube.scripted_server import Reply, ScriptedServer

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


class _ApiServer(ScriptedServer):
    """Has the watched types and those that kopf waits for. Its replies are those to LISTs and watches."""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        groups = [{"name": group, "preferredVersion": v, "versions": [v]} for group, v in _VERSIONS.items()]
        found: dict[str, Any] = {"/api": {"versions": ["v1"]}, "/apis": {"groups": groups}}
        for group, version, plural in _TYPES:
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            kind = {
                "name": plural,
                "kind": plural,
                "singularName": plural,
                "namespaced": True,
                "verbs": ["list", "watch"],
            }
            found.setdefault(path, {"resources": []})["resources"].append(kind)
        known = found.get(request.path)
        return await super()._answer(request) if known is None else web.json_response(known)


_TYPES = [
    *map(resource, WATCHED),
    ("", "v1", "namespaces"),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
]
_VERSIONS = {group: {"version": version} for group, version, _ in _TYPES if group}


async def test_kopf_lists_nothing_and_watches_after_what_the_engine_has_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks again if there was no answer, or if the API server no longer has the changes since."""
    monkeypatch.setattr(handlers, "_RETRY", 0.0)
    versions, asked, arrived = iter(range(100, 200)), list[tuple[Kind, str | None]](), asyncio.Event()

    async def since(kind: Kind, namespace: str | None) -> int:
        asked.append((kind, namespace))
        if len(asked) == 1:
            raise Unavailable("503")
        return next(versions)

    async def login() -> Credentials:
        return Credentials(server.url, None, False, "Bearer", "t", None, None)

    gone = {"type": "ERROR", "object": {"code": 410}}
    event = {"type": "ADDED", "object": {"metadata": {"name": "p", "namespace": "n", "uid": "u"}}}
    replies = [Reply(chunks=[json.dumps(line).encode() + b"\n"]) for line in (gone, event)]
    async with _ApiServer(*replies, Reply(trouble="hang")) as server:
        registry = handlers.registry(lambda *_, **__: arrived.set(), login)
        watching = asyncio.create_task(handlers.watch(registry, ("n",), since))
        await asyncio.wait_for(arrived.wait(), 60)
        while len({seen.query["resourceVersion"] for seen in server.seen}) < len(WATCHED) + 1:
            await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.wait([watching])
    assert set(asked) == {(kind, "n") for kind in WATCHED}
    assert len(asked) == len(WATCHED) + 2
    assert all(seen.query["watch"] == "true" for seen in server.seen)


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
