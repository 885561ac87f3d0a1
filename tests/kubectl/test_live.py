"""`kubectl sweep status -w` while the API server is unavailable. The server answers from a script."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sweep_operator.cluster import watches
from sweep_operator.cluster.access import Cluster
from sweep_operator.kube.protocol import (
    Forbidden,
    Kind,
    KubeError,
    Object,
    ObjectList,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    WatchEvent,
)
from sweep_operator.kubectl.live import Deleted, Follower, over

REFUSED = Unavailable("the API server cannot be reached: connection refused")


def sweep(status: str, reason: str) -> Object:
    ended = {"type": "Succeeded", "status": status, "reason": reason}
    meta = {"name": "s", "namespace": "n", "generation": 1}
    return {"metadata": meta, "status": {"observedGeneration": 1, "conditions": [ended]}}


RUNS, ENDED = sweep("Unknown", "Running"), sweep("True", "MaxRunsReached")


class Server:
    """Each LIST of the sweep returns the next answer of the script. The watch after it fails, except after the last."""

    def __init__(self, *answers: Object | KubeError | None) -> None:
        self._answers, self.lists = list(answers), 0

    async def list(self, kind: Kind, namespace: str, *, fields: Mapping[str, str]) -> ObjectList:
        if kind is Kind.SWEEP_RUN:
            return ObjectList((), 7)
        self.lists += 1
        answer = self._answers.pop(0)
        if isinstance(answer, KubeError):
            raise answer
        return ObjectList((answer,) if answer else (), 7)

    async def watch(self, kind: Kind, namespace: str, **_: Any) -> AsyncIterator[WatchEvent]:
        if kind is Kind.SWEEP_RUN or not self._answers:
            await asyncio.Event().wait()
        raise Unavailable("watch: no answer came")
        yield


def follow(server: Server, said: Callable[[str], None], *, starts_within: float = 30.0) -> Object:
    """Follow the sweep to its end."""
    cluster = Cluster(cast(Any, server), "n")

    async def followed() -> Object:
        async with asyncio.timeout(60):
            follower = Follower(cluster, "s", said, pause=0.001, starts_within=starts_within)
            return await follower.run(lambda sweep, runs: over(sweep))

    return asyncio.run(followed())


def test_an_outage_is_reported_once_and_survived() -> None:
    said: list[str] = []
    server = Server(RUNS, *[REFUSED] * 30, RUNS, REFUSED, ENDED)
    assert follow(server, said.append) == ENDED
    assert server.lists == 34
    assert said == ["waiting for the API server (watch: no answer came)", ""] * 2


def test_retry_after_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = TooManyRequests("busy")
    busy.retry_after = 7.25
    server, said, slept = Server(RUNS, busy, ENDED), list[str](), list[float]()
    sleep = asyncio.sleep

    async def recorded(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", recorded)
    assert follow(server, said.append) == ENDED
    assert busy.retry_after in slept


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a second later than the last one."""
    seconds = itertools.count()
    monkeypatch.setattr(watches, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))


FORBIDDEN = Forbidden("sweeps.metta.ai is forbidden")
EXPIRED = Unauthenticated("the API server does not accept the credentials")


@pytest.mark.parametrize("refusal", [FORBIDDEN, EXPIRED])
def test_an_api_server_that_has_just_started_may_refuse_for_a_while(refusal: KubeError) -> None:
    said: list[str] = []
    assert follow(Server(RUNS, REFUSED, *[refusal] * 5, RUNS, refusal, ENDED), said.append) == ENDED
    assert said == ["waiting for the API server (watch: no answer came)", ""] * 2


@pytest.mark.parametrize("refusal", [FORBIDDEN, EXPIRED])
def test_a_lasting_refusal_is_an_error(refusal: KubeError, ticking: None) -> None:
    with pytest.raises(type(refusal)):
        follow(Server(RUNS, *[refusal] * 1000), lambda text: None, starts_within=20)
    server = Server(refusal)
    with pytest.raises(type(refusal)):
        follow(server, lambda text: None)
    assert server.lists == 1, "a permission that was never granted is reported at once"


def test_a_deleted_sweep_is_an_error() -> None:
    with pytest.raises(Deleted, match="sweep s was deleted"):
        follow(Server(RUNS, REFUSED, REFUSED, None), lambda text: None)


class NoWatch(Server):
    """Allows all LISTs and the first ``allowed`` watches."""

    def __init__(self, allowed: int) -> None:
        super().__init__(*[RUNS] * 1000)
        self._allowed = allowed

    async def watch(self, kind: Kind, namespace: str, **_: Any) -> AsyncIterator[WatchEvent]:
        if kind is Kind.SWEEP_RUN:
            await asyncio.Event().wait()
        self._allowed -= 1
        raise FORBIDDEN if self._allowed < 0 else REFUSED
        yield


def test_a_missing_watch_permission_is_reported_at_once() -> None:
    server = NoWatch(allowed=0)
    with pytest.raises(Forbidden):
        follow(server, lambda text: None)
    assert server.lists == 1


def test_a_revoked_watch_permission_is_an_error(ticking: None) -> None:
    server = NoWatch(allowed=1)
    with pytest.raises(Forbidden):
        follow(server, lambda text: None, starts_within=20)
    assert server.lists > 2
