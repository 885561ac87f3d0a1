"""Faults strike whom they shall, as often as they shall, and are counted."""

from __future__ import annotations

import http.client
import itertools
from collections import Counter
from collections.abc import Callable

import pytest

from tests.wandb_stub.asking import RUNS, UPSERT_SWEEP, Reply, graphql, send, stream, upsert
from tests.wandb_stub.faults import Fault, Faults
from tests.wandb_stub.server import WandbServer

SWEEP = "{method: custom, parameters: {lr: {min: 0, max: 1}}}"


def names(server: WandbServer) -> list[str]:
    return [run.name for run in server.runs()]


def lost(ask: Callable[[], Reply]) -> bool:
    """Whether no answer came."""
    try:
        ask()
    except (http.client.HTTPException, OSError):
        return True
    return False


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 502])
def test_a_status_is_answered_and_nothing_happens(wandb_server: WandbServer, code: int) -> None:
    wandb_server.faults.add("status", "UpsertBucket", code=code)
    reply = upsert(wandb_server.url, "a")
    assert reply.status == code
    assert names(wandb_server) == []
    assert ("RateLimit-Reset" in reply.headers) == (code == 429)
    assert upsert(wandb_server.url, "a").status == 200
    assert wandb_server.faults.injected == {f"status-{code}": 1}


def test_a_status_can_have_headers(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("status", code=307, headers={"Location": "http://127.0.0.1:9/graphql"})
    reply = upsert(wandb_server.url, "a")
    assert (reply.status, reply.headers["Location"]) == (307, "http://127.0.0.1:9/graphql")


def test_a_dropped_connection_leaves_nothing_behind(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("drop", "UpsertBucket")
    assert lost(lambda: upsert(wandb_server.url, "a"))
    assert names(wandb_server) == []


def test_a_hanging_request_is_silent_then_cut(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("hang", "UpsertBucket", seconds=30)
    assert lost(lambda: upsert(wandb_server.url, "a", timeout=0.2))
    wandb_server.faults.add("hang", "UpsertBucket", seconds=0.1)
    assert lost(lambda: upsert(wandb_server.url, "a"))
    assert names(wandb_server) == []


@pytest.mark.parametrize("kind", ["commit-drop", "commit-hang"])
def test_what_was_committed_stays_though_its_answer_is_lost(wandb_server: WandbServer, kind: str) -> None:
    wandb_server.faults.add(kind, "UpsertSweep", seconds=0.1)  # type: ignore[arg-type]
    assert lost(lambda: graphql(wandb_server.url, UPSERT_SWEEP, config=SWEEP, entity="acme", project="p"))
    assert len(wandb_server.sweeps()) == 1


def test_a_commit_can_be_followed_by_an_error(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("commit-status", "UpsertBucket", code=502)
    assert upsert(wandb_server.url, "a").status == 502
    assert names(wandb_server) == ["a"]


def test_an_answer_can_be_garbage(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("garbage", "UpsertBucket")
    reply = upsert(wandb_server.url, "a")
    assert reply.status == 200
    with pytest.raises(ValueError):
        _ = reply.body


def test_a_delay_answers_rightly(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("delay", "UpsertBucket", seconds=0.2)
    assert lost(lambda: upsert(wandb_server.url, "late", timeout=0.05))
    wandb_server.faults.add("delay", "UpsertBucket", seconds=0.05)
    assert upsert(wandb_server.url, "a").body["data"]["upsertBucket"]["inserted"]


def test_faults_wait_for_their_turn_and_their_text(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("status", "graphql", times=2, skip=1, holds="target")
    replies = [upsert(wandb_server.url, name).status for name in ("target", "other", "target", "target", "target")]
    assert replies == [200, 200, 500, 500, 200]
    assert wandb_server.faults.met == {"status-500 on UpsertBucket": 2}


def test_a_fault_without_a_count_stays_until_it_is_cleared(wandb_server: WandbServer) -> None:
    wandb_server.faults.add("status", times=None)
    assert [upsert(wandb_server.url, "a").status for _ in range(3)] == [500] * 3
    wandb_server.faults.clear()
    assert upsert(wandb_server.url, "a").status == 200
    assert wandb_server.faults.injected == {"status-500": 3}


@pytest.mark.parametrize(
    ("on", "ask"),
    [
        ("file_stream", lambda url: stream(url, "acme/p/a")),
        ("upload", lambda url: send(url, "PUT", "/stored/acme/p/a/x.txt", b"x")),
        ("download", lambda url: send(url, "GET", "/stored/acme/p/a/x.txt")),
        ("otel", lambda url: send(url, "POST", "/sdk/otel/v1/metrics")),
        ("Runs", lambda url: graphql(url, RUNS, entity="acme", project="p")),
        ("graphql", lambda url: graphql(url, RUNS, entity="acme", project="p")),
        ("*", lambda url: graphql(url, RUNS, entity="acme", project="p")),
    ],
)
def test_faults_are_aimed_at_operations_and_routes(
    wandb_server: WandbServer, on: str, ask: Callable[[str], Reply]
) -> None:
    wandb_server.faults.add("status", on, code=503)
    assert ask(wandb_server.url).status == 503
    assert ask(wandb_server.url).status != 503


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="commit-status"):
        Fault("explode")  # type: ignore[arg-type]


COUNTS = {"status-500": 200, "status-429": 90, "drop": 80, "commit-drop": 20, "commit-status-502": 10, "hang": 3}


def taken(seed: int, requests: int) -> list[str | None]:
    faults = Faults()
    faults.add_random(seed, COUNTS, rate=0.4, on=("UpsertBucket", "file_stream"))
    operations = itertools.islice(itertools.cycle(["UpsertBucket", "file_stream", "Viewer"]), requests)
    return [None if (fault := faults.take(one, "", "")) is None else fault.name for one in operations]


def test_a_random_plan_injects_exactly_what_it_was_given() -> None:
    faults = taken(1, 3000)
    assert Counter(faults) == Counter(COUNTS) + Counter({None: 3000 - sum(COUNTS.values())})
    assert faults[2::3] == [None] * 1000  # Viewer was not aimed at
    assert set(faults[:300]) > {"status-500", "status-429", "drop"}  # all mixed


def test_a_random_plan_follows_from_its_seed() -> None:
    assert taken(1, 200) == taken(1, 200)
    assert taken(1, 200) != taken(2, 200)


def test_requests_record_the_fault_they_met(wandb_server: WandbServer) -> None:
    wandb_server.faults.add_random(3, {"status-503": 1}, rate=1.0)
    upsert(wandb_server.url, "a")
    upsert(wandb_server.url, "a")
    assert [seen.fault for seen in wandb_server.requests("UpsertBucket")] == ["status-503", None]
    assert wandb_server.faults.remaining == 0
