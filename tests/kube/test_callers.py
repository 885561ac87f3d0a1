"""Requests in the name of others carry their token and nothing of this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep_operator.kube.cluster.callers import Callers
from sweep_operator.kube.cluster.connection import Connection
from sweep_operator.kube.cluster.sources import Kubeconfig
from sweep_operator.kube.protocol import Kind, Unauthenticated
from tests.kube.scripted_server import SECRET, Reply, ScriptedServer, obj, status, write_kubeconfig


async def test_each_request_carries_the_caller_s_token(tmp_path: Path) -> None:
    async with ScriptedServer(Reply(body=obj("a"))) as server:
        callers = await Callers.open(Kubeconfig(str(write_kubeconfig(tmp_path / "config", server.url))))
        try:
            for token in ("one", "two"):
                await callers.client(token).get(Kind.SWEEP, "default", "a")
        finally:
            await callers.close()
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer one", "Bearer two"]


async def test_a_rejected_token_is_sent_once_and_never_replaced_by_that_of_this_process(tmp_path: Path) -> None:
    """A new request with reloaded credentials would have the permissions of this process."""
    async with ScriptedServer(Reply(401, status(401, "Unauthorized", "Unauthorized"))) as server:
        callers = await Callers.open(Kubeconfig(str(write_kubeconfig(tmp_path / "config", server.url))))
        try:
            with pytest.raises(Unauthenticated):
                await callers.client("stolen").may("list", Kind.SWEEP, None)
        finally:
            await callers.close()
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer stolen"]
    assert SECRET not in str(server.seen)


async def test_the_client_certificate_of_this_process_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API server prefers a certificate to a token."""
    for name in ("crt", "key", "ca"):
        (tmp_path / name).write_text(name)
    user = {"client-certificate": str(tmp_path / "crt"), "client-key": str(tmp_path / "key"), "token": SECRET}
    path = write_kubeconfig(tmp_path / "config", "https://127.0.0.1:1", **user)
    opened = []

    async def keep(source: Kubeconfig) -> Connection:
        opened.append(await source.load())
        raise RuntimeError

    monkeypatch.setattr(Connection, "open", keep)
    with pytest.raises(RuntimeError):
        await Callers.open(Kubeconfig(str(path)))
    (configuration,) = opened
    assert configuration.host == "https://127.0.0.1:1"
    assert (configuration.cert_file, configuration.key_file, configuration.api_key) == (None, None, {})
    own = await Kubeconfig(str(path)).load()
    assert own.cert_file
    assert own.api_key


async def test_a_review_names_the_permission(tmp_path: Path) -> None:
    answers = [Reply(201, {"status": {"allowed": allowed}}) for allowed in (True, False)]
    async with ScriptedServer(*answers) as server:
        callers = await Callers.open(Kubeconfig(str(write_kubeconfig(tmp_path / "config", server.url))))
        try:
            client = callers.client("one")
            assert await client.may("get", Kind.POD, "team-a", subresource="log")
            assert not await client.may("list", Kind.SWEEP, None)
        finally:
            await callers.close()
    (first, second) = (seen.body["spec"]["resourceAttributes"] for seen in server.seen)
    assert first == {
        "group": "", "version": "v1", "resource": "pods", "subresource": "log", "verb": "get", "namespace": "team-a",
    }  # fmt: skip
    assert (second["group"], second["resource"], second["namespace"]) == ("metta.ai", "sweeps", "")
