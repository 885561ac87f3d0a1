"""The Kube protocol as one suite: give it a ``kube`` fixture, and every rule of the protocol is tested against it.

Objects are Jobs, Pods and ConfigMaps, which every API server knows; Sweeps come where the schema matters.
"""

from __future__ import annotations

import asyncio
import math
import uuid
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
)

NS = "default"


def config_map(name: str, **changes: Any) -> Object:
    return {"metadata": {"name": name, "namespace": NS, **changes}, "data": {"a": "1"}}


def pod(name: str, **meta: Any) -> Object:
    spec = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "i"}],
        "schedulingGates": [{"name": "x/y"}],
    }
    return {"metadata": {"name": name, "namespace": NS, **meta}, "spec": spec}


def suspended_job(name: str) -> Object:
    container = {"name": "main", "image": "i"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"suspend": True, "backoffLimit": 0, "template": template}
    return {"metadata": {"name": name, "namespace": NS}, "spec": spec}


def owner(obj: Object) -> dict[str, Any]:
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


class KubeConformance:
    """Subclasses provide the fixture ``kube``."""

    @pytest.fixture
    def name(self) -> str:
        return f"c-{uuid.uuid4().hex[:8]}"

    async def gone(self, kube: Kube, kind: Kind, name: str) -> bool:
        """Whether the object vanishes (garbage collection takes its time, and looks for new kinds every 30 s)."""
        for _ in range(2000):
            try:
                await kube.get(kind, NS, name)
            except NotFound:
                return True
            await asyncio.sleep(0.05)
        return False

    async def test_create_and_get(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.CONFIG_MAP, config_map(name))
        assert made["metadata"]["uid"]
        assert made["metadata"]["creationTimestamp"]
        assert await kube.get(Kind.CONFIG_MAP, NS, name) == made

    async def test_names_are_taken_once(self, kube: Kube, name: str) -> None:
        await kube.create(Kind.CONFIG_MAP, config_map(name))
        with pytest.raises(AlreadyExists):
            await kube.create(Kind.CONFIG_MAP, config_map(name))

    async def test_what_does_not_exist(self, kube: Kube, name: str) -> None:
        with pytest.raises(NotFound):
            await kube.get(Kind.CONFIG_MAP, NS, name)
        with pytest.raises(NotFound):
            await kube.delete(Kind.CONFIG_MAP, NS, name)
        with pytest.raises(NotFound):
            await kube.patch(Kind.CONFIG_MAP, NS, name, {"data": {}})

    async def test_returned_objects_are_copies(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.CONFIG_MAP, config_map(name))
        made["data"]["a"] = "changed"
        assert (await kube.get(Kind.CONFIG_MAP, NS, name))["data"] == {"a": "1"}

    async def test_merge_patch_and_its_precondition(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.CONFIG_MAP, config_map(name, labels={"x": "1", "y": "2"}))
        patch: Object = {"metadata": {"labels": {"x": None, "z": "3"}}, "data": {"b": "2"}}
        patched = await kube.patch(
            Kind.CONFIG_MAP, NS, name, patch, resource_version=made["metadata"]["resourceVersion"]
        )
        assert patched["data"] == {"a": "1", "b": "2"}
        assert patched["metadata"]["labels"] == {"y": "2", "z": "3"}
        assert version(patched) > version(made)
        with pytest.raises(Conflict):
            await kube.patch(
                Kind.CONFIG_MAP, NS, name, {"data": {"c": "3"}}, resource_version=made["metadata"]["resourceVersion"]
            )

    async def test_a_write_that_changes_nothing_is_no_write(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.CONFIG_MAP, config_map(name))
        assert await kube.patch(Kind.CONFIG_MAP, NS, name, {"data": {"a": "1"}}) == made

    async def test_status_is_apart_from_the_rest(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.POD, {**pod(name), "status": {"phase": "Failed"}})
        assert (made.get("status") or {}).get("phase") != "Failed", "a create sets no status"
        patched = await kube.patch(
            Kind.POD, NS, name, {"status": {"phase": "Failed"}, "metadata": {"labels": {"a": "b"}}}
        )
        assert (patched.get("status") or {}).get("phase") != "Failed", "neither does a patch"
        wanted = {**patched, "status": {**(patched.get("status") or {}), "reason": "Seen"}}
        wanted["spec"] = {**patched["spec"], "schedulingGates": []}
        written = await kube.update_status(Kind.POD, wanted)
        assert written["status"]["reason"] == "Seen"
        assert written["spec"] == patched["spec"], "and a status write leaves the spec"
        with pytest.raises(Conflict):
            await kube.update_status(Kind.POD, {**patched, "status": {"reason": "late"}})

    async def test_labels_select(self, kube: Kube, name: str) -> None:
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-a", labels={"group": name, "n": "1"}))
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-b", labels={"group": name, "n": "2"}))
        both = await kube.list(Kind.CONFIG_MAP, NS, labels={"group": name})
        one = await kube.list(Kind.CONFIG_MAP, NS, labels={"group": name, "n": "2"})
        assert [o["metadata"]["name"] for o in both.items] == [f"{name}-a", f"{name}-b"]
        assert [o["metadata"]["name"] for o in one.items] == [f"{name}-b"]
        assert (await kube.list(Kind.CONFIG_MAP, "elsewhere", labels={"group": name})).items == ()

    @pytest.mark.parametrize(
        ("values", "expected"), [("12", "ab"), ("2", "b"), ("23", "b"), ("3", ""), ([""], ""), (["", "1"], "a")]
    )
    async def test_labels_select_several_values(
        self, kube: Kube, name: str, values: str | list[str], expected: str
    ) -> None:
        for suffix, value in (("a", "1"), ("b", "2")):
            await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-{suffix}", labels={"group": name, "n": value}))
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-without", labels={"group": name}))
        found = await kube.list(Kind.CONFIG_MAP, NS, labels={"group": name, "n": frozenset(values)})
        assert [o["metadata"]["name"] for o in found.items] == [f"{name}-{suffix}" for suffix in expected]

    async def test_pages_are_the_list(self, kube: Kube, name: str) -> None:
        for n in "ab":
            await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-{n}", labels={"group": name}))
        for labels in ({"group": name}, {"group": f"not-{name}"}):
            listed = await kube.list(Kind.CONFIG_MAP, NS, labels=labels)
            pages = [page async for page in kube.pages(Kind.CONFIG_MAP, NS, labels=labels)]
            assert [o for page in pages for o in page.items] == list(listed.items)
            assert pages
            assert all(page.resource_version >= listed.resource_version for page in pages)

    async def test_delete_and_its_precondition(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.CONFIG_MAP, config_map(name))
        with pytest.raises(Conflict):
            await kube.delete(Kind.CONFIG_MAP, NS, name, uid=str(uuid.uuid4()))
        await kube.delete(Kind.CONFIG_MAP, NS, name, uid=made["metadata"]["uid"])
        assert await self.gone(kube, Kind.CONFIG_MAP, name)

    async def test_finalizers_hold_an_object(self, kube: Kube, name: str) -> None:
        await kube.create(Kind.POD, pod(name, finalizers=["metta.ai/result"]))
        await kube.delete(Kind.POD, NS, name, grace_seconds=0)
        held = await kube.get(Kind.POD, NS, name)
        assert held["metadata"]["deletionTimestamp"]
        await kube.patch(Kind.POD, NS, name, {"metadata": {"finalizers": []}})
        assert await self.gone(kube, Kind.POD, name)

    async def test_children_follow_their_owner(self, kube: Kube, name: str) -> None:
        parent = await kube.create(Kind.CONFIG_MAP, config_map(name))
        child = await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-child", ownerReferences=[owner(parent)]))
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-grandchild", ownerReferences=[owner(child)]))
        await kube.delete(Kind.CONFIG_MAP, NS, name)
        assert await self.gone(kube, Kind.CONFIG_MAP, f"{name}-child")
        assert await self.gone(kube, Kind.CONFIG_MAP, f"{name}-grandchild")

    async def test_orphans_stay_when_asked_to(self, kube: Kube, name: str) -> None:
        parent = await kube.create(Kind.CONFIG_MAP, config_map(name))
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-child", ownerReferences=[owner(parent)]))
        await kube.delete(Kind.CONFIG_MAP, NS, name, propagation="Orphan")
        assert await self.gone(kube, Kind.CONFIG_MAP, name)
        assert not (await kube.get(Kind.CONFIG_MAP, NS, f"{name}-child"))["metadata"].get("ownerReferences")

    async def test_a_child_of_nobody_is_collected(self, kube: Kube, name: str) -> None:
        parent = await kube.create(Kind.CONFIG_MAP, config_map(name))
        await kube.delete(Kind.CONFIG_MAP, NS, name)
        assert await self.gone(kube, Kind.CONFIG_MAP, name)
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-late", ownerReferences=[owner(parent)]))
        assert await self.gone(kube, Kind.CONFIG_MAP, f"{name}-late")

    async def test_a_watch_from_a_list_has_no_gap(self, kube: Kube, name: str) -> None:
        since = (await kube.list(Kind.CONFIG_MAP, NS)).resource_version
        await kube.create(Kind.CONFIG_MAP, config_map(name))
        seen: list[tuple[str, str]] = []

        async def follow() -> None:
            async for event in kube.watch(Kind.CONFIG_MAP, NS, resource_version=since):
                if event.object["metadata"]["name"] == name:
                    seen.append((event.type, event.object["data"].get("b", "")))
                if event.type == "DELETED" and event.object["metadata"]["name"] == name:
                    return

        task = asyncio.create_task(follow())
        await asyncio.sleep(0.05)
        await kube.patch(Kind.CONFIG_MAP, NS, name, {"data": {"b": "2"}})
        await kube.delete(Kind.CONFIG_MAP, NS, name)
        await asyncio.wait_for(task, 180)
        assert seen == [("ADDED", ""), ("MODIFIED", "2"), ("DELETED", "2")]

    async def test_a_dry_run_leaves_nothing(self, kube: Kube, name: str) -> None:
        assert (await kube.create(Kind.CONFIG_MAP, config_map(name), dry_run=True))["metadata"]["name"] == name
        with pytest.raises(NotFound):
            await kube.get(Kind.CONFIG_MAP, NS, name)

    async def test_floats_survive(self, kube: Kube, name: str) -> None:
        data = {"kept": 0.1 + 0.2, "tiny": 5e-324, "large": 1.7e308, "one": 1.0, "big": 2.0**53}
        body = {"metadata": {"name": name, "namespace": NS}, "revision": 1, "data": data}
        await kube.create(Kind.REVISION, body)
        assert (await kube.get(Kind.REVISION, NS, name))["data"] == data

    async def test_what_json_cannot_say_is_refused(self, kube: Kube, name: str) -> None:
        body = {"metadata": {"name": name, "namespace": NS}, "revision": 1, "data": {"x": math.nan}}
        with pytest.raises(Invalid):
            await kube.create(Kind.REVISION, body)

    @pytest.mark.parametrize(
        "meta",
        [
            {"name": "Upper"},
            {"name": "a_b"},
            {"name": "-a"},
            {"name": "a" * 254},
            {"labels": {"a": "not a value"}},
            {"labels": {"a": "x" * 64}},
            {"labels": {"a/b/c": "x"}},
            {"labels": {"-a": "x"}},
            {"annotations": {"a": "x" * (256 * 1024)}},
        ],
    )
    async def test_metadata_that_is_refused(self, kube: Kube, name: str, meta: dict[str, Any]) -> None:
        body = {"metadata": {"name": name, "namespace": NS, **meta}, "data": {}}
        with pytest.raises(Invalid):
            await kube.create(Kind.CONFIG_MAP, body)

    async def test_a_patch_is_checked_too(self, kube: Kube, name: str) -> None:
        await kube.create(Kind.CONFIG_MAP, config_map(name))
        with pytest.raises(Invalid):
            await kube.patch(Kind.CONFIG_MAP, NS, name, {"metadata": {"labels": {"a": "not a value"}}})

    async def test_a_uid_in_a_patch_is_that_of_the_object(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.CONFIG_MAP, config_map(name))
        with pytest.raises(Invalid):
            await kube.patch(Kind.CONFIG_MAP, NS, name, {"metadata": {"uid": str(uuid.uuid4())}, "data": {"b": "2"}})
        patch = {"metadata": {"uid": made["metadata"]["uid"]}, "data": {"b": "2"}}
        assert (await kube.patch(Kind.CONFIG_MAP, NS, name, patch))["data"] == {"a": "1", "b": "2"}

    async def test_generation_counts_changes_of_the_spec(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.JOB, suspended_job(name))
        assert made["metadata"]["generation"] == 1
        labeled = await kube.patch(Kind.JOB, NS, name, {"metadata": {"labels": {"a": "b"}}})
        assert labeled["metadata"]["generation"] == 1
        edited = await kube.patch(Kind.JOB, NS, name, {"spec": {"ttlSecondsAfterFinished": 60}})
        assert edited["metadata"]["generation"] == 2

    async def test_one_finalizer_is_taken_off(self, kube: Kube, name: str) -> None:
        made = await kube.create(Kind.POD, pod(name, finalizers=["metta.ai/result", "metta.ai/other"]))
        uid = made["metadata"]["uid"]
        with pytest.raises(Invalid):
            await kube.remove_finalizer(Kind.POD, NS, name, "metta.ai/result", uid=str(uuid.uuid4()))
        await kube.patch(Kind.POD, NS, name, {"metadata": {"labels": {"changed": "meanwhile"}}})
        left = await kube.remove_finalizer(Kind.POD, NS, name, "metta.ai/result", uid=uid)
        assert left["metadata"]["finalizers"] == ["metta.ai/other"]
        again = await kube.remove_finalizer(Kind.POD, NS, name, "metta.ai/result", uid=uid)
        assert version(again) == version(left), "what is not there is not taken off twice"
        await kube.delete(Kind.POD, NS, name, grace_seconds=0)
        await kube.remove_finalizer(Kind.POD, NS, name, "metta.ai/other", uid=uid)
        assert await self.gone(kube, Kind.POD, name)
        with pytest.raises(NotFound):
            await kube.remove_finalizer(Kind.POD, NS, name, "metta.ai/other", uid=uid)

    async def test_all_with_a_label_are_deleted(self, kube: Kube, name: str) -> None:
        for number, group in enumerate(("a", "a", "b")):
            job = suspended_job(f"{name}-{number}")
            job["metadata"]["labels"] = {"test": name, "group": group}
            await kube.create(Kind.JOB, job)
        await kube.delete_all(Kind.JOB, NS, labels={"test": name, "group": "a"})
        assert await self.gone(kube, Kind.JOB, f"{name}-0")
        assert await self.gone(kube, Kind.JOB, f"{name}-1")
        assert await kube.get(Kind.JOB, NS, f"{name}-2")
        await kube.delete_all(Kind.JOB, NS, labels={"test": name, "group": "a"})

    async def test_api_groups(self, kube: Kube) -> None:
        assert await kube.serves("batch")
        assert await kube.serves("metta.ai")
        assert not await kube.serves("kueue.x-k8s.io")

    async def test_a_second_deletion_is_none(self, kube: Kube, name: str) -> None:
        await kube.create(Kind.POD, pod(name, finalizers=["metta.ai/result"]))
        await kube.delete(Kind.POD, NS, name, grace_seconds=0)
        first = await kube.get(Kind.POD, NS, name)
        await kube.delete(Kind.POD, NS, name, grace_seconds=0)
        assert (await kube.get(Kind.POD, NS, name))["metadata"]["deletionTimestamp"] == first["metadata"][
            "deletionTimestamp"
        ]
        await kube.patch(Kind.POD, NS, name, {"metadata": {"finalizers": None}})
        assert await self.gone(kube, Kind.POD, name)

    async def test_one_owner_that_stays_is_enough(self, kube: Kube, name: str) -> None:
        one = await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-one"))
        two = await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-two"))
        owners = [owner(one), {**owner(two), "controller": False}]
        await kube.create(Kind.CONFIG_MAP, config_map(f"{name}-child", ownerReferences=owners))
        await kube.delete(Kind.CONFIG_MAP, NS, f"{name}-one")
        assert await self.gone(kube, Kind.CONFIG_MAP, f"{name}-one")
        assert await kube.get(Kind.CONFIG_MAP, NS, f"{name}-child")
        await kube.delete(Kind.CONFIG_MAP, NS, f"{name}-two")
        assert await self.gone(kube, Kind.CONFIG_MAP, f"{name}-child")
