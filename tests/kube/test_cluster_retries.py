"""Which requests the cluster client retries, which it must not retry, and its errors."""

from __future__ import annotations

import asyncio
import gc
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.kube.cluster import ClusterKube
from sweep_operator.kube.cluster.retry import READ_PATIENCE, WRITE_PATIENCE
from sweep_operator.kube.protocol import (
    Gone,
    Invalid,
    Kind,
    Kube,
    KubeError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnknownOutcome,
)
from sweep_operator.kubectl.access import Access
from sweep_operator.pacing import AdaptiveBucket, TokenBucket
from tests.kube.scripted_server import FakeTime, Reply, ScriptedServer, cluster_kube, obj, status, write_kubeconfig

Call = Callable[[Kube], Awaitable[Any]]
BODY = {"metadata": {"name": "a", "namespace": "default", "resourceVersion": "3"}, "data": {"x": "1"}}
READS: dict[str, Call] = {
    "get": lambda kube: kube.get(Kind.CONFIG_MAP, "default", "a"),
    "list": lambda kube: kube.list(Kind.CONFIG_MAP, "default"),
    "dry run": lambda kube: kube.create(Kind.POD, BODY, dry_run=True),
}
WRITES: dict[str, Call] = {
    "create": lambda kube: kube.create(Kind.CONFIG_MAP, BODY),
    "update": lambda kube: kube.update_status(Kind.SWEEP, BODY),
    "patch": lambda kube: kube.patch(Kind.CONFIG_MAP, "default", "a", {"data": {"x": "2"}}),
    "delete": lambda kube: kube.delete(Kind.CONFIG_MAP, "default", "a"),
}
LOST, HANG = Reply(trouble="lost"), Reply(trouble="hang")
BUSY = Reply(429, status(429, "TooManyRequests", "please try again later"), {"Retry-After": "1"})
OVERLOADED = Reply(503, status(503, "ServiceUnavailable", "not ready"))


def failing(code: int, reason: str = "InternalError", message: str = "etcdserver: request timed out") -> Reply:
    return Reply(code, status(code, reason, message))


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(Reply(body=obj("a"))) as server:
        yield server


@pytest.fixture
async def kube(server: ScriptedServer, time: FakeTime, tmp_path: Path) -> AsyncIterator[Kube]:
    kube = await cluster_kube(write_kubeconfig(tmp_path / "config", server.url), time)
    yield kube
    await kube.close()


def answers(server: ScriptedServer, *replies: Reply) -> None:
    server.replies.extendleft(reversed(replies))


async def test_rejected_credentials_are_raised_at_once_for_a_person_and_retried_for_the_operator(
    server: ScriptedServer, kube: Kube, tmp_path: Path
) -> None:
    answers(server, *[failing(401, "Unauthorized", "Unauthorized")] * 3)
    assert (await READS["get"](kube))["metadata"]["name"] == "a"
    answers(server, *[failing(401, "Unauthorized", "Unauthorized")] * 3)
    before = len(server.seen)
    access = Access(kubeconfig=write_kubeconfig(tmp_path / "person", server.url))
    with pytest.raises(Unauthenticated, match="rejects the credentials"):
        async with access.cluster() as cluster:
            await READS["get"](cluster.kube)
    assert len(server.seen) - before <= 2, "the second time with credentials that were read again"


@pytest.mark.parametrize("call", READS.values(), ids=READS)
@pytest.mark.parametrize("trouble", [LOST, BUSY, OVERLOADED, failing(500), failing(504), Reply(502, "<html>")])
async def test_reads_are_repeated(
    kube: Kube, server: ScriptedServer, time: FakeTime, call: Call, trouble: Reply
) -> None:
    answers(server, trouble, trouble, trouble)
    await call(kube)
    assert len(server.seen) == 4
    assert time.slept == sorted(time.slept), "each pause is longer than the one before"
    assert len(time.slept) == 3
    assert 0 < sum(time.slept) <= READ_PATIENCE


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
async def test_a_write_without_an_answer_is_sent_once(kube: Kube, server: ScriptedServer, call: Call) -> None:
    await kube.get(Kind.CONFIG_MAP, "default", "a")  # the write goes over a connection that was used before
    answers(server, LOST)
    with pytest.raises(UnknownOutcome, match="no answer"):
        await call(kube)
    assert len(server.seen) == 2


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
async def test_a_write_that_is_answered_too_late(
    server: ScriptedServer, time: FakeTime, tmp_path: Path, call: Call
) -> None:
    kube = await cluster_kube(write_kubeconfig(tmp_path / "config", server.url), time, timeout=1.0)
    answers(server, HANG)
    with pytest.raises(UnknownOutcome, match="no answer"):
        await call(kube)
    assert len(server.seen) == 1
    await kube.close()


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (failing(500), UnknownOutcome),
        (failing(504, "Timeout", "request did not complete within the allotted timeout"), UnknownOutcome),
        (Reply(502, "<html>bad gateway"), UnknownOutcome),
        (Reply(503, "upstream connect error or disconnect/reset before headers"), UnknownOutcome),
        (failing(408, "Timeout"), UnknownOutcome),
        (Reply(200, "<html>welcome"), UnknownOutcome),
        (OVERLOADED, Unavailable),
        (failing(500, message='Internal error occurred: failed calling webhook "x"'), Unavailable),
        (Reply(413, "<html>too large for this proxy"), Unavailable),
    ],
)
async def test_the_effect_of_a_write_to_a_failing_server(
    kube: Kube, server: ScriptedServer, call: Call, reply: Reply, error: type[KubeError]
) -> None:
    answers(server, reply)
    with pytest.raises(error) as caught:
        await call(kube)
    assert type(caught.value) is error
    assert len(server.seen) == 1


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
async def test_a_write_that_was_turned_away_is_repeated(
    kube: Kube, server: ScriptedServer, time: FakeTime, call: Call
) -> None:
    answers(server, BUSY, BUSY)
    await call(kube)
    assert len(server.seen) == 3
    assert all(pause > 1.0 for pause in time.slept), "never sooner than the server asks for"


@pytest.mark.parametrize("call", (WRITES | READS).values(), ids=WRITES | READS)
async def test_a_server_that_asks_for_more_time_than_there_is(
    kube: Kube, server: ScriptedServer, time: FakeTime, call: Call
) -> None:
    answers(server, Reply(429, status(429, "TooManyRequests", "slow down"), {"Retry-After": "120"}))
    with pytest.raises(TooManyRequests, match=r"^slow down$") as caught:
        await call(kube)
    assert caught.value.retry_after == 120
    assert (len(server.seen), time.slept) == (1, [])


@pytest.mark.parametrize("call", (WRITES | READS).values(), ids=WRITES | READS)
async def test_no_server_listens(time: FakeTime, tmp_path: Path, call: Call) -> None:
    async with ScriptedServer(Reply(body=obj("a"))) as server:
        config = write_kubeconfig(tmp_path / "config", server.url)
    kube = await cluster_kube(config, time)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await call(kube)
    assert len(time.slept) > 2
    assert sum(time.slept) <= max(READ_PATIENCE, WRITE_PATIENCE)
    time.meanwhile = server.__aenter__  # the server is back after the first pause
    await call(kube)
    assert len(server.seen) == 1
    await kube.close()
    await server.__aexit__(None, None, None)


async def test_a_right_that_ends_while_a_create_waits(server: ScriptedServer, time: FakeTime, tmp_path: Path) -> None:
    class Over(Exception):
        pass

    def check() -> None:
        if time.now > 0:
            raise Over

    config = write_kubeconfig(tmp_path / "config", server.url)
    kube = await cluster_kube(config, time, before_create=check)
    answers(server, BUSY)
    with pytest.raises(Over):
        await kube.create(Kind.JOB, BODY)
    assert len(server.seen) == 1, "it was not sent again"
    await kube.create(Kind.LEASE, BODY)
    await kube.create(Kind.EVENT, BODY)
    await kube.create(Kind.POD, BODY, dry_run=True)
    await kube.close()


@pytest.mark.parametrize("value", [math.nan, math.inf, datetime(2026, 1, 1, tzinfo=UTC), {1, 2}])
async def test_invalid_json_is_not_sent(kube: Kube, server: ScriptedServer, value: object) -> None:
    with pytest.raises(Invalid):
        await kube.patch(Kind.SWEEP, "default", "a", {"spec": {"x": value}})
    assert server.seen == []


async def test_every_answer_is_counted(server: ScriptedServer, time: FakeTime, tmp_path: Path) -> None:
    counted: list[tuple[str, str]] = []
    config = write_kubeconfig(tmp_path / "config", server.url)
    kube = await cluster_kube(config, time, on_request=lambda verb, code: counted.append((verb, code)))
    answers(server, OVERLOADED, LOST)
    for call in (*READS.values(), *WRITES.values()):
        await call(kube)
    assert counted == [
        ("get", "503"), ("get", "error"), ("get", "200"), ("list", "200"), ("create", "200"),
        ("create", "200"), ("update", "200"), ("patch", "200"), ("delete", "200"),
    ]  # fmt: skip
    await kube.close()


async def test_what_is_sent(kube: Kube, server: ScriptedServer) -> None:
    await kube.create(Kind.SWEEP, {**BODY, "status": {"x": 1}})
    await kube.create(Kind.POD, BODY, dry_run=True)
    await kube.patch(Kind.JOB, "default", "a", {"metadata": {"labels": {"x": None}}}, resource_version="5")
    await kube.delete(Kind.POD, "default", "a", uid="u", grace_seconds=0)
    await kube.delete(Kind.REVISION, "default", "a", propagation="Orphan")
    await kube.update_status(Kind.SWEEP_RUN, BODY)
    await kube.list(Kind.CLAIM, labels={"metta.ai/sweep": "a", "b": "c"})
    create, dry, patch, delete, orphan, update, listing = server.seen
    assert (create.method, create.path) == ("POST", "/apis/metta.ai/v1alpha1/namespaces/default/sweeps")
    assert create.body["kind"] == "Sweep"
    assert "resourceVersion" not in create.body["metadata"], "an API server refuses it with a 500"
    assert (dry.path, dry.query) == ("/api/v1/namespaces/default/pods", {"dryRun": "All", "fieldValidation": "Strict"})
    assert patch.path == "/apis/batch/v1/namespaces/default/jobs/a"
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    assert patch.body == {"metadata": {"labels": {"x": None}, "resourceVersion": "5"}}
    assert delete.body["preconditions"] == {"uid": "u"}
    assert (delete.body["gracePeriodSeconds"], delete.body["propagationPolicy"]) == (0, "Background")
    assert orphan.body["propagationPolicy"] == "Orphan"
    assert (update.method, update.path) == ("PUT", "/apis/metta.ai/v1alpha1/namespaces/default/sweepruns/a/status")
    assert listing.path == "/api/v1/persistentvolumeclaims"
    assert listing.query == {"labelSelector": "metta.ai/sweep=a,b=c", "limit": "500"}
    assert create.headers["User-Agent"].startswith("sweep-operator/")


async def test_pages_are_read_one_by_one(kube: Kube, server: ScriptedServer) -> None:
    assert isinstance(kube, ClusterKube)
    item = {"metadata": {"name": "a"}, "from": "a page"}
    more = {"metadata": {"resourceVersion": "7", "continue": "next"}, "items": [item, item]}
    answers(server, Reply(body=more), Reply(body={"metadata": {"resourceVersion": "7"}, "items": [item]}))
    sizes, kept, written = [], [], _of_pages()
    async for page in kube.pages(Kind.SWEEP_RUN, "default", labels={"a": "b"}):
        sizes.append((len(page.items), page.resource_version, len(server.seen)))
        del page
        kept.append(_of_pages() - written)
    assert sizes == [(2, 7, 1), (1, 7, 2)]
    assert kept == [0, 0], "whoever does not keep the objects has their memory back before the next page"
    assert [seen.query for seen in server.seen] == [
        {"labelSelector": "a=b", "limit": "500"},
        {"labelSelector": "a=b", "limit": "500", "continue": "next"},
    ]


async def test_a_list_that_is_no_json_is_repeated(kube: Kube, server: ScriptedServer, time: FakeTime) -> None:
    answers(server, Reply(200, "<html>"))
    await READS["list"](kube)
    assert len(server.seen) == 2


async def test_the_next_page_is_asked_for_while_one_is_used(kube: Kube, server: ScriptedServer) -> None:
    assert isinstance(kube, ClusterKube)
    first = Reply(body={"metadata": {"resourceVersion": "7", "continue": "next"}, "items": [{"metadata": {}}]})
    answers(server, first, failing(410, "Expired", "too old"))
    pages = kube.pages(Kind.SWEEP_RUN, "default")
    assert len((await anext(pages)).items) == 1
    async with asyncio.timeout(60):
        while len(server.seen) < 2:
            await asyncio.sleep(0)
    with pytest.raises(Gone):
        await anext(pages)


def _of_pages() -> int:
    return sum(type(o) is dict and o.get("from") == "a page" for o in gc.get_objects())


class TestTokenBucket:
    async def test_a_burst_then_the_rate(self, time: FakeTime) -> None:
        bucket = TokenBucket(10, 5, clock=time.clock, sleep=time.sleep)
        for _ in range(5):
            await bucket.acquire()
        assert time.slept == []
        for _ in range(10):
            await bucket.acquire()
        assert time.now == pytest.approx(1.0)

    async def test_it_fills_up_to_the_burst(self, time: FakeTime) -> None:
        bucket = TokenBucket(10, 5, clock=time.clock, sleep=time.sleep)
        time.now = 1000.0
        for _ in range(6):
            await bucket.acquire()
        assert time.slept == pytest.approx([0.1])

    async def test_those_who_wait_go_in_order_and_those_who_give_up_leave_their_place(self) -> None:
        gates: list[tuple[float, asyncio.Event]] = []

        async def sleep(seconds: float) -> None:
            gates.append((seconds, asyncio.Event()))
            await gates[-1][1].wait()

        bucket = TokenBucket(10, 1, clock=lambda: 0.0, sleep=sleep)
        await bucket.acquire()
        first, second = asyncio.create_task(bucket.acquire()), asyncio.create_task(bucket.acquire())
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        third = asyncio.create_task(bucket.acquire())
        await asyncio.sleep(0)
        assert [seconds for seconds, _ in gates] == pytest.approx([0.1, 0.2, 0.2])
        for _, gate in gates:
            gate.set()
        await asyncio.gather(first, third)

    async def test_rejected_requests_halve_the_rate_in_use_and_it_recovers(self, time: FakeTime) -> None:
        bucket = AdaptiveBucket(1000, 1000, clock=time.clock, sleep=time.sleep)

        async def sent_in_a_second() -> int:
            begin, sent = time.now, 0
            while time.now < begin + 1:
                await bucket.acquire()
                sent += 1
                time.now += 0.005  # the server needs as long
            return sent

        assert await sent_in_a_second() == 200, "the limit does not bind"
        for _ in range(50):
            bucket.slow_down()
        assert 70 <= await sent_in_a_second() <= 110, "half of what was sent, once for all rejections at the same time"
        rates = [await sent_in_a_second() for _ in range(12)]
        assert rates == sorted(rates)
        assert rates[-1] == 200

    async def test_a_lease_is_sent_while_every_other_connection_waits(
        self, server: ScriptedServer, time: FakeTime, tmp_path: Path
    ) -> None:
        kube = await cluster_kube(write_kubeconfig(tmp_path / "config", server.url), time)
        kube._transport._free = asyncio.Semaphore(0)  # all of them are in use
        waits = asyncio.create_task(kube.get(Kind.CONFIG_MAP, "default", "a"))
        await kube.get(Kind.LEASE, "default", "a")
        assert not waits.done()
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        await kube.close()

    async def test_requests_wait_and_leases_do_not(
        self, server: ScriptedServer, time: FakeTime, tmp_path: Path
    ) -> None:
        config = write_kubeconfig(tmp_path / "config", server.url)
        kube = await cluster_kube(config, time, qps=0.01, burst=1)
        await kube.get(Kind.CONFIG_MAP, "default", "a")
        for _ in range(3):
            await kube.get(Kind.LEASE, "default", "a")
            await kube.patch(Kind.LEASE, "default", "a", {})
        assert time.slept == []
        await kube.get(Kind.CONFIG_MAP, "default", "a")
        assert time.slept == pytest.approx([100.0])
        await kube.close()

    @pytest.mark.parametrize(("qps", "burst"), [(0, 1), (-1, 1), (1, 0)])
    async def test_nonsense_is_refused(self, qps: float, burst: int) -> None:
        with pytest.raises(ValueError, match="qps"):
            TokenBucket(qps, burst)
