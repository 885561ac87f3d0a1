"""The Job controller against the embedded Kube, with every write failing once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.embedded.jobs import JobController
from sweep_operator.kube.protocol import Kind, NotFound, Object, Unavailable

NS = "default"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class FailsOnce(EmbeddedKube):
    """The n-th create or status write fails, before or after it is carried out."""

    def __init__(self, at: int, committed: bool) -> None:
        super().__init__(None, clock=lambda: NOW)
        self._at, self._committed, self._writes = at, committed, 0

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        fails = self._fails()
        made = await super().create(kind, body, dry_run=dry_run)
        if fails:
            raise Unavailable("the answer is lost")
        return made

    async def update_status(self, kind: Kind, body: Object) -> Object:
        fails = self._fails()
        written = await super().update_status(kind, body)
        if fails:
            raise Unavailable("the answer is lost")
        return written

    def _fails(self) -> bool:
        self._writes += 1
        if self._writes - 1 != self._at:
            return False
        if not self._committed:
            raise Unavailable("refused")
        return True


def job(**spec: object) -> Object:
    template = {
        "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["metta.ai/result"]},
        "spec": {"containers": [{"name": "main", "command": ["true"]}]},
    }
    return {"metadata": {"name": "j", "namespace": NS}, "spec": {"backoffLimit": 0, "template": template, **spec}}


def controller(kube: EmbeddedKube) -> JobController:
    return JobController(kube, lambda: NOW, random.Random(0))


async def pods(kube: EmbeddedKube) -> list[Object]:
    return list((await kube.list(Kind.POD)).items)


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not check():
            await asyncio.sleep(0.01)


async def test_a_pod_is_a_copy_of_its_template() -> None:
    kube = EmbeddedKube(None, clock=lambda: NOW)
    made = await kube.create(Kind.JOB, job(completionMode="Indexed"))
    await controller(kube).reconcile(NS, "j")
    [pod] = await pods(kube)
    meta = pod["metadata"]
    assert meta["name"].startswith("j-0-")
    assert meta["labels"].items() >= {"a": "b", "job-name": "j", "batch.kubernetes.io/job-name": "j"}.items()
    assert meta["annotations"] == {"c": "d", "batch.kubernetes.io/job-completion-index": "0"}
    assert meta["finalizers"] == ["metta.ai/result"]
    assert meta["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert pod["spec"]["hostname"] == "j-0"
    assert pod["spec"]["containers"][0]["env"] == [{"name": "JOB_COMPLETION_INDEX", "value": "0"}]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("at", range(5))
async def test_a_failed_write_creates_no_second_pod(at: int, committed: bool) -> None:
    kube = FailsOnce(at + 1, committed)
    await kube.create(Kind.JOB, job(completions=2, parallelism=2, completionMode="Indexed"))
    subject = controller(kube)
    uids: set[str] = set()
    for _ in range(4):
        try:
            await subject.reconcile(NS, "j")
        except Unavailable:
            continue
        uids |= {p["metadata"]["uid"] for p in await pods(kube)}
    assert len(uids) == len(await pods(kube)) == 2


async def test_the_loop_survives_a_job_that_makes_no_sense(tmp_path: Path) -> None:
    kube = EmbeddedKube(tmp_path / "state.db", clock=lambda: NOW)
    await kube.create(Kind.JOB, {"metadata": {"name": "empty", "namespace": NS}, "spec": {}})
    loop = asyncio.create_task(controller(kube).run())
    await kube.create(Kind.JOB, job())
    await until(lambda: bool(kube.owned_by(Kind.POD, _uid(kube, "j"))))
    assert not loop.done()
    loop.cancel()
    kube.close()


def _uid(kube: EmbeddedKube, name: str) -> str:
    found = kube.peek(Kind.JOB, NS, name)
    assert found is not None
    return str(found["metadata"]["uid"])


async def test_a_deleted_job_is_skipped() -> None:
    kube = EmbeddedKube(None, clock=lambda: NOW)
    assert await controller(kube).reconcile(NS, "gone") is None
    with pytest.raises(NotFound):
        await kube.get(Kind.JOB, NS, "gone")
