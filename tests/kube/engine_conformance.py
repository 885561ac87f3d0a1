"""What the engine relies on beyond the single verbs: versions, status writes, adoption, races. For all Kubes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from sweep_operator.kube.protocol import (
    AlreadyExists,
    Conflict,
    Invalid,
    Kind,
    Kube,
    NotFound,
    Object,
    WatchEvent,
)
from sweep_operator.manifests.event import build_event
from tests.kube.kube_conformance import NS, config_map, owner, pod, version

ELSEWHERE = "kube-system"


def sweep_run(name: str, parameters: dict[str, Any] | None = None, **meta: Any) -> Object:
    spec = {"sweepName": "nobodys", "parameters": parameters or {"trainer.lr": 0.001}}
    return {"metadata": {"name": name, "namespace": NS, **meta}, "spec": spec}


def with_status(obj: Object, **status: Any) -> Object:
    return {**obj, "status": status}


class EngineConformance:
    """Subclasses provide the fixture ``kube``."""

    @pytest.fixture
    def name(self) -> str:
        return f"e-{uuid.uuid4().hex[:8]}"

    # -- versions: what the store compares --------------------------------------------------------------------------

    async def test_a_list_is_as_new_as_what_was_written_before_it(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        listed = await kube.list(Kind.SWEEP_RUN, NS)
        assert [o for o in listed.items if o["metadata"]["name"] == name] == [made]
        assert listed.resource_version >= version(made)
        await kube.delete(Kind.SWEEP_RUN, NS, name)
        assert await self.vanished(kube, Kind.SWEEP_RUN, name)
        after = await kube.list(Kind.SWEEP_RUN, NS)
        assert name not in [o["metadata"]["name"] for o in after.items]
        assert after.resource_version > version(made)

    @pytest.mark.parametrize("kind", [Kind.CONFIG_MAP, Kind.SWEEP_RUN])
    async def test_objects_say_what_they_are_wherever_they_come_from(self, kube: Kube, name: str, kind: Kind) -> None:
        since = (await kube.list(kind, NS)).resource_version
        body = config_map(name) if kind == Kind.CONFIG_MAP else sweep_run(name)
        made = await kube.create(kind, body)
        [event] = await self.events(kube, kind, name, since, 1)
        [item] = [o for o in (await kube.list(kind, NS)).items if o["metadata"]["name"] == name]
        read = await kube.get(kind, NS, name)
        assert (made["kind"], made["apiVersion"]) == (
            kind.value,
            "v1" if kind == Kind.CONFIG_MAP else "metta.ai/v1alpha1",
        )
        assert made == event.object == item == read

    async def test_a_deletion_is_newer_than_what_it_deletes(self, kube: Kube, name: str) -> None:
        since = (await kube.list(Kind.SWEEP_RUN, NS)).resource_version
        made = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        await kube.delete(Kind.SWEEP_RUN, NS, name, uid=made["metadata"]["uid"])
        assert await self.vanished(kube, Kind.SWEEP_RUN, name)
        again = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        seen = await self.events(kube, Kind.SWEEP_RUN, name, since, 3)
        assert [e.type for e in seen] == ["ADDED", "DELETED", "ADDED"]
        assert [e.object["metadata"]["uid"] for e in seen] == [made["metadata"]["uid"]] * 2 + [again["metadata"]["uid"]]
        versions = [version(e.object) for e in seen]
        assert versions == sorted(set(versions))

    async def test_a_watch_and_a_list_of_one_namespace_keep_to_it(self, kube: Kube, name: str) -> None:
        since = (await kube.list(Kind.CONFIG_MAP)).resource_version
        labels = {"group": name}
        foreign = config_map(name, labels=labels)
        foreign["metadata"]["namespace"] = ELSEWHERE
        await kube.create(Kind.CONFIG_MAP, foreign)
        await kube.create(Kind.CONFIG_MAP, config_map(name, labels=labels))
        [own] = await self.events(kube, Kind.CONFIG_MAP, name, since, 1)
        assert own.object["metadata"]["namespace"] == NS
        both = await self.events(kube, Kind.CONFIG_MAP, name, since, 2, namespace=None)
        assert [e.object["metadata"]["namespace"] for e in both] == [ELSEWHERE, NS]
        listed = await kube.list(Kind.CONFIG_MAP, labels=labels)
        assert {o["metadata"]["namespace"] for o in listed.items} == {ELSEWHERE, NS}
        assert len((await kube.list(Kind.CONFIG_MAP, NS, labels=labels)).items) == 1
        await kube.delete(Kind.CONFIG_MAP, ELSEWHERE, name)

    # -- status: written at most once per pass, under a precondition --------------------------------------------------

    async def test_a_status_write_is_one_of_the_status_alone(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.SWEEP_RUN, with_status(sweep_run(name, labels={"a": "b"}), score=7))
        assert not made.get("status"), "a create sets none"
        body = with_status(made, score=0.5, runName="r")
        body["metadata"] = {**made["metadata"], "labels": {"a": "c"}, "finalizers": ["metta.ai/x"]}
        body["spec"] = {**made["spec"], "parameters": {"trainer.lr": 0.002}}
        written = await kube.update_status(Kind.SWEEP_RUN, body)
        assert written["status"].items() >= {"score": 0.5, "runName": "r"}.items()  # a server fills in defaults
        assert written["spec"] == made["spec"]
        assert {**written["metadata"], "resourceVersion": ""} == {**made["metadata"], "resourceVersion": ""}
        assert version(written) > version(made)
        patched = await kube.patch(
            Kind.SWEEP_RUN, NS, name, {"metadata": {"labels": {"a": "d"}}, "status": {"score": 1}}
        )
        assert patched["status"] == written["status"], "a write of the rest leaves the status"

    async def test_the_same_status_again_is_no_write(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        written = await kube.update_status(Kind.SWEEP_RUN, with_status(made, score=0.1 + 0.2, cost=3.0))
        assert await kube.update_status(Kind.SWEEP_RUN, with_status(written, score=0.1 + 0.2, cost=3.0)) == written

    async def test_of_two_status_writers_one_is_late(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        await kube.update_status(Kind.SWEEP_RUN, with_status(made, score=1))
        with pytest.raises(Conflict):
            await kube.update_status(Kind.SWEEP_RUN, with_status(made, score=2))
        unversioned = {**made, "metadata": {k: v for k, v in made["metadata"].items() if k != "resourceVersion"}}
        with pytest.raises(Conflict):
            await kube.update_status(Kind.SWEEP_RUN, with_status(unversioned, score=3))
        assert (await kube.get(Kind.SWEEP_RUN, NS, name))["status"]["score"] == 1

    async def test_a_status_for_what_is_gone_or_another_by_now(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        await kube.delete(Kind.SWEEP_RUN, NS, name)
        assert await self.vanished(kube, Kind.SWEEP_RUN, name)
        with pytest.raises(NotFound):
            await kube.update_status(Kind.SWEEP_RUN, with_status(made, score=1))
        await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        with pytest.raises(Conflict):
            await kube.update_status(Kind.SWEEP_RUN, with_status(made, score=1))
        assert not (await kube.get(Kind.SWEEP_RUN, NS, name)).get("status")

    async def test_generation_counts_changes_of_a_run(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        await kube.update_status(Kind.SWEEP_RUN, with_status(made, score=1))
        stopped = await kube.patch(Kind.SWEEP_RUN, NS, name, {"spec": {"stop": True}})
        assert (made["metadata"]["generation"], stopped["metadata"]["generation"]) == (1, 2)

    async def test_integral_floats_of_a_run_lose_their_point(self, kube: Kube, name: str) -> None:
        parameters = {"kept": 0.1 + 0.2, "tiny": 5e-324, "large": 1.7e308, "one": 1.0, "big": 2.0**53}
        await kube.create(Kind.SWEEP_RUN, sweep_run(name, parameters))
        read = (await kube.get(Kind.SWEEP_RUN, NS, name))["spec"]["parameters"]
        assert read == parameters
        assert type(read["one"]) is int

    # -- creates: the only writes without a precondition --------------------------------------------------------------

    async def test_of_two_creates_at_once_one_wins(self, kube: Kube, name: str) -> None:
        bodies = [sweep_run(name, labels={"n": str(n)}) for n in range(5)]
        answers = await asyncio.gather(*(kube.create(Kind.SWEEP_RUN, b) for b in bodies), return_exceptions=True)
        [won] = [a for a in answers if isinstance(a, dict)]
        assert [type(a) for a in answers].count(AlreadyExists) == 4
        assert await kube.get(Kind.SWEEP_RUN, NS, name) == won

    async def test_a_name_is_taken_while_its_object_goes(self, kube: Kube, name: str) -> None:
        await kube.create(Kind.CONFIG_MAP, config_map(name, finalizers=["metta.ai/x"]))
        await kube.delete(Kind.CONFIG_MAP, NS, name)
        with pytest.raises(AlreadyExists):
            await kube.create(Kind.CONFIG_MAP, config_map(name))
        await kube.patch(Kind.CONFIG_MAP, NS, name, {"metadata": {"finalizers": None}})
        assert await self.vanished(kube, Kind.CONFIG_MAP, name)

    async def test_an_object_read_elsewhere_can_be_created_anew(self, kube: Kube, name: str) -> None:
        read = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        copy = {**read, "metadata": {**read["metadata"], "name": f"{name}.copy.1"}}
        made = await kube.create(Kind.SWEEP_RUN, copy)
        assert made["metadata"]["uid"] != read["metadata"]["uid"]
        assert made["spec"] == read["spec"]

    async def test_dry_runs_of_pods(self, kube: Kube, name: str) -> None:
        tried = await kube.create(Kind.POD, pod(name), dry_run=True)
        assert tried["spec"]["containers"][0]["name"] == "main"
        with pytest.raises(NotFound):
            await kube.get(Kind.POD, NS, name)
        await kube.create(Kind.POD, pod(name))
        with pytest.raises(AlreadyExists):
            await kube.create(Kind.POD, pod(name), dry_run=True)
        await kube.delete(Kind.POD, NS, name, grace_seconds=0)

    async def test_adoption(self, kube: Kube, name: str) -> None:
        parent = await kube.create(Kind.CONFIG_MAP, config_map(name))
        run = await kube.create(Kind.SWEEP_RUN, sweep_run(f"{name}.by-hand"))
        patch: Object = {"metadata": {"labels": {"of": name}, "ownerReferences": [owner(parent)]}}
        read = run["metadata"]["resourceVersion"]
        adopted = await kube.patch(Kind.SWEEP_RUN, NS, f"{name}.by-hand", patch, resource_version=read)
        assert adopted["metadata"]["ownerReferences"][0]["uid"] == parent["metadata"]["uid"]
        with pytest.raises(Conflict):
            await kube.patch(Kind.SWEEP_RUN, NS, f"{name}.by-hand", {"spec": {"stop": True}}, resource_version=read)
        await kube.delete(Kind.CONFIG_MAP, NS, name)
        assert await self.vanished(kube, Kind.SWEEP_RUN, f"{name}.by-hand")

    async def test_a_revision_can_be_adopted_whatever_its_data(self, kube: Kube, name: str) -> None:
        """Its data is immutable, and a patch must not change its form: 3.0 to 3, or & to an escape."""
        text = "a && b > 'c' < d; echo \u00e9 \U0001f600 \x7f \u2028"
        data = {"z": [1e-5, 1e-9, 3.0, 1e22, 0.1, 2**60, True, None], "a": {"text": text}}
        body = {"metadata": {"name": name, "namespace": NS}, "revision": 1, "data": data}
        made = await kube.create(Kind.REVISION, body)
        assert made["data"] == data
        patch: Object = {"metadata": {"labels": {"of": name}}}
        read = made["metadata"]["resourceVersion"]
        patched = await kube.patch(Kind.REVISION, NS, name, patch, resource_version=read)
        assert (patched["data"], patched["metadata"]["labels"]) == (data, {"of": name})
        await kube.delete(Kind.REVISION, NS, name)

    async def test_one_finalizer_of_two_is_taken_off(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.POD, pod(name, finalizers=["metta.ai/result", "example.com/other"]))
        patch: Object = {"metadata": {"finalizers": ["example.com/other"]}}
        read = made["metadata"]["resourceVersion"]
        left = await kube.patch(Kind.POD, NS, name, patch, resource_version=read)
        assert left["metadata"]["finalizers"] == ["example.com/other"]
        with pytest.raises(Conflict):
            await kube.delete(Kind.POD, NS, name, uid=str(uuid.uuid4()), grace_seconds=0)
        await kube.delete(Kind.POD, NS, name, uid=made["metadata"]["uid"], grace_seconds=0)
        released = await kube.patch(Kind.POD, NS, name, {"metadata": {"finalizers": []}})
        assert not released["metadata"].get("finalizers")
        assert await self.vanished(kube, Kind.POD, name)

    # -- the other kinds that the engine writes ---------------------------------------------------------------------

    async def test_a_lease_changes_hands_once(self, kube: Kube, name: str) -> None:
        spec = {"holderIdentity": "one", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}
        made = await kube.create(Kind.LEASE, {"metadata": {"name": name, "namespace": NS}, "spec": spec})
        read = made["metadata"]["resourceVersion"]
        taken: Object = {"spec": {"holderIdentity": "two", "renewTime": "2026-01-01T00:01:00.000000Z"}}
        patched = await kube.patch(Kind.LEASE, NS, name, taken, resource_version=read)
        assert (patched["spec"]["holderIdentity"], patched["spec"]["leaseDurationSeconds"]) == ("two", 15)
        with pytest.raises(Conflict):
            await kube.patch(Kind.LEASE, NS, name, {"spec": {"holderIdentity": "three"}}, resource_version=read)

    async def test_an_event_is_written_once(self, kube: Kube, name: str) -> None:
        run = await kube.create(Kind.SWEEP_RUN, sweep_run(name))
        at = datetime(2026, 1, 1, tzinfo=UTC)
        body = build_event(run, "Normal", "RunCreated", "origin model", f"{name}.x", times=(at, at))
        made = await kube.create(Kind.EVENT, body)
        assert made["involvedObject"]["uid"] == run["metadata"]["uid"]
        with pytest.raises(AlreadyExists):
            await kube.create(Kind.EVENT, body)

    async def test_a_headless_service(self, kube: Kube, name: str) -> None:
        spec = {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"name": "rendezvous", "port": 29500}]}
        body = {"metadata": {"name": name, "namespace": NS}, "spec": spec}
        assert (await kube.create(Kind.SERVICE, body))["spec"]["clusterIP"] == "None"
        with pytest.raises(AlreadyExists):
            await kube.create(Kind.SERVICE, body)
        await kube.delete(Kind.SERVICE, NS, name)
        assert await self.vanished(kube, Kind.SERVICE, name)

    async def test_a_claim_comes_and_goes(self, kube: Kube, name: str) -> None:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        await kube.create(Kind.CLAIM, {"metadata": {"name": name, "namespace": NS}, "spec": spec})
        assert name in [o["metadata"]["name"] for o in (await kube.list(Kind.CLAIM, NS)).items]
        await kube.delete(Kind.CLAIM, NS, name)
        assert await self.vanished(kube, Kind.CLAIM, name)

    async def test_bytes_of_a_config_map(self, kube: Kube, name: str) -> None:
        data = base64.b64encode(bytes(range(256))).decode()
        await kube.create(Kind.CONFIG_MAP, {**config_map(name), "binaryData": {"x": data}})
        assert (await kube.get(Kind.CONFIG_MAP, NS, name))["binaryData"] == {"x": data}

    async def test_a_log_that_is_not_there(self, kube: Kube, name: str) -> None:
        with pytest.raises(NotFound):
            await anext(aiter(kube.read_log(NS, name)))
        await kube.create(Kind.POD, pod(name))
        with contextlib.suppress(NotFound):
            assert [chunk async for chunk in kube.read_log(NS, name)] == [], "it never started"
        await kube.delete(Kind.POD, NS, name, grace_seconds=0)

    @pytest.mark.parametrize("bad", ["", "..", "a/b"])
    async def test_what_is_no_name_names_nothing(self, kube: Kube, bad: str) -> None:
        with pytest.raises((Invalid, NotFound)):
            await kube.get(Kind.CONFIG_MAP, NS, bad)
        with pytest.raises((Invalid, NotFound)):
            await kube.delete(Kind.CONFIG_MAP, NS, bad)

    # -- waiting ----------------------------------------------------------------------------------------------------

    async def vanished(self, kube: Kube, kind: Kind, name: str) -> bool:
        for _ in range(2000):  # the collector looks for new kinds every 30 s
            try:
                await kube.get(kind, NS, name)
            except NotFound:
                return True
            await asyncio.sleep(0.05)
        return False

    async def events(
        self, kube: Kube, kind: Kind, name: str, since: int, count: int, namespace: str | None = NS
    ) -> list[WatchEvent]:
        """The next ``count`` events about objects of that name."""
        seen: list[WatchEvent] = []
        async with asyncio.timeout(180):
            async for event in kube.watch(kind, namespace, resource_version=since):
                if event.object["metadata"]["name"] == name:
                    seen.append(event)
                    if len(seen) == count:
                        break
        return seen
