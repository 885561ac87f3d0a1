"""``sweep-ui``: the page in a cluster. Its users send their own bearer tokens."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import click

from sweep_operator.config.errors import ConfigError
from sweep_operator.http_server import listening
from sweep_operator.kube.cluster import Callers, ClusterKube, NoCluster, find_source
from sweep_operator.report.bundle import require_bundle
from sweep_operator.runtime import logs
from sweep_operator.ui.access import TokenUsers
from sweep_operator.ui.cluster import ClusterSource
from sweep_operator.ui.model import Models, SourceReader
from sweep_operator.ui.server import PATIENCE, application
from sweep_operator.ui.serving import Serving
from sweep_operator.views.page.models import Server

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Options:
    namespaces: Sequence[str]
    allowed_hosts: Sequence[str]
    host: str
    port: int
    kubeconfig: Path | None
    context: str | None


@click.command(context_settings={"auto_envvar_prefix": "SWEEP_UI", "show_default": True})
@click.option("--namespace", "namespaces", multiple=True, help="Show only this namespace (repeatable). Default: all.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME[:PORT]",
    help="Name under which browsers open the page (repeatable). Loopback names are always allowed.",
)
@click.option("--host", default="0.0.0.0", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8081, help="Port to listen on; 0: any free port.")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="Default: the pod's service account, else $KUBECONFIG."
)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), default="INFO")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json")
@click.version_option(package_name="sweep-operator")
def main(log_level: str, log_format: Literal["json", "text"], **options: Any) -> None:
    """Serve the page of a cluster's sweeps.

    Its own account only lists and watches Sweeps and SweepRuns. Users see and change what the API server allows the
    bearer token that they send.
    """
    logs.set_up(log_level, log_format)
    try:
        require_bundle()
        asyncio.run(_serve(_Options(**options)))
    except (ConfigError, NoCluster, OSError) as error:
        raise click.ClickException(str(error)) from None


async def _serve(options: _Options) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    found = find_source(options.kubeconfig, options.context)
    kube, callers = await ClusterKube.connect(source=found), await Callers.open(found)
    source = ClusterSource(kube, options.namespaces)
    page = application(_serving(source, callers, options))
    try:
        async with listening(page, options.host, options.port, patience=PATIENCE) as port:
            log.info("page on port %d, sweeps of %s", port, ", ".join(options.namespaces) or "all namespaces")
            await _until(stop, source)
    finally:
        await callers.close()
        await kube.close()


def _serving(source: ClusterSource, callers: Callers, options: _Options) -> Serving:
    server = Server(mode="cluster", write=True, version=version("sweep-operator"), command="kubectl sweep", models=True)
    models = Models(SourceReader(source))
    return Serving(server, source, TokenUsers(callers), options.allowed_hosts, models, _where)


def _where(namespace: str) -> Sequence[str]:
    return ["-n", namespace]


async def _until(stop: asyncio.Event, source: ClusterSource) -> None:
    reading, stopped = asyncio.create_task(source.run()), asyncio.create_task(stop.wait())
    await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (reading, stopped):
        task.cancel()
    if not stop.is_set():
        await reading  # raises the error that ended it


if __name__ == "__main__":
    main()
