"""Messages for requests that are refused. The server's messages are copied from a real API server."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sweep_operator.cluster.refusal import explain
from sweep_operator.commands.failures import failure_lines
from sweep_operator.kube.cluster import retry
from sweep_operator.kube.protocol import Kind, KubeError
from sweep_operator.kubectl.access import Access
from sweep_operator.kubectl.main import cli
from tests.kube.scripted_server import Reply, ScriptedServer, status, write_kubeconfig


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            'pods "a-r-3-train-1-x" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the '
            'namespace "team"',
            "ann is not allowed to get pods/log in namespace team; request a Role with verb get on pods/log "
            "(check with `kubectl auth can-i get pods --subresource=log -n team`)",
        ),
        (
            'sweeps.metta.ai is forbidden: User "ann" cannot list resource "sweeps" in API group "metta.ai" at the '
            "cluster scope",
            "ann is not allowed to list sweeps.metta.ai cluster-wide; request a Role with verb list on sweeps.metta.ai "
            "(check with `kubectl auth can-i list sweeps.metta.ai -A`)",
        ),
        (
            'sweepruns.metta.ai "a" is forbidden: exceeded quota: runs, requested: 1',
            'sweepruns.metta.ai "a" is forbidden: exceeded quota: runs, requested: 1',
        ),
    ],
)
def test_explain(message: str, shown: str) -> None:
    assert explain(message) == shown


def test_an_unexpected_error_names_the_program_to_debug() -> None:
    with click.Context(cli, info_name="kubectl sweep"):
        assert failure_lines(RuntimeError("boom")) == [
            "RuntimeError: boom; run `kubectl sweep --debug ...` for the traceback"
        ]


COMMANDS = (
    "status", "status s", "status s -w", "top s", "best-params s", "export s", "import runs.csv s", "explain s",
    "replay s.r.0", "report s", "ui", "logs s.r.0", "add s x=1", "retry s.r.0", "limits s maxRuns=3", "suspend s",
    "resume s", "stop s",
)  # fmt: skip
ANOTHER = "or choose another context with --context (`kubectl config get-contexts` lists them)"


async def kubectl_sweep(command: str, kubeconfig: Path) -> Result:
    """Run the command beside the event loop of the server."""
    return await asyncio.to_thread(CliRunner().invoke, cli, [*command.split(), "--kubeconfig", str(kubeconfig)])


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_says_what_to_do_without_access(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for patience in ("READ_PATIENCE", "WRITE_PATIENCE"):
        monkeypatch.setattr(retry, patience, 0.0)
    (tmp_path / "runs.csv").write_text("x,score\n0.5,1\n")
    kubeconfig = tmp_path / "config"
    async with ScriptedServer(Reply(401, status(401, "Unauthorized", "Unauthorized"))) as server:
        rejected = await kubectl_sweep(command, write_kubeconfig(kubeconfig, server.url))
    unreachable = await kubectl_sweep(command, kubeconfig)  # the port is closed now
    for result, problem, remedy in (
        (rejected, "rejects the credentials: Unauthorized", "log in to the cluster again"),
        (
            unreachable,
            f"cannot be reached: 127.0.0.1:{server.port}: Connection refused",
            "check that the cluster runs and that you can reach it",
        ),
    ):
        assert result.stderr == f"error: the API server {problem}; {remedy}, {ANOTHER}\n"
        assert result.exit_code == 1


async def test_a_server_that_accepts_the_connection_and_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "READ_PATIENCE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = Access(write_kubeconfig(tmp_path / "config", f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(
            KubeError, match=r"no answer: .*; check that the cluster runs and that you can reach it, or"
        ):
            async with access.cluster(request_timeout=0.1) as cluster:
                await cluster.kube.list(Kind.SWEEP)
