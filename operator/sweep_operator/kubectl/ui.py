"""``kubectl sweep ui``: the page of a cluster's sweeps, with the rights of a kubeconfig."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import click

from sweep_operator.cluster.access import Cluster
from sweep_operator.kubectl.access import Access, access_of, in_cluster
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.ui.access import ClusterUser, require_watching
from sweep_operator.ui.cluster import ClusterSource
from sweep_operator.ui.guard import OneToken
from sweep_operator.ui.here import Here, here_options, show_page
from sweep_operator.ui.model import Models, SourceReader
from sweep_operator.ui.serving import Serving
from sweep_operator.views.page.models import Server


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="Show the sweeps of all namespaces.")
@here_options
@cluster_options
def ui(all_namespaces: bool, here: Here) -> None:
    """Show the sweeps of a namespace in a browser, as they change.

    The page can do what your kubeconfig allows. Only this machine can open the URL. Do not pass it on: whoever has it
    acts with your permissions.

    \b
        kubectl sweep ui -n team-rl
        kubectl sweep ui -A --port 8266 --no-browser
    """
    access = access_of(click.get_current_context())
    in_cluster(lambda cluster: _show(cluster, access, here, everywhere=all_namespaces))


async def _show(cluster: Cluster, access: Access, here: Here, *, everywhere: bool) -> None:
    namespaces = () if everywhere else (cluster.namespace,)
    for namespace in namespaces or (None,):
        await require_watching(cluster.kube, namespace)
    server = Server(mode="kubectl", write=True, version=version("sweep-operator"), command="kubectl sweep", models=True)
    source, user = ClusterSource(cluster.kube, namespaces), ClusterUser(cluster.kube)
    context = [] if access.context is None else ["--context", access.context]

    def serving(token: str) -> Serving:
        models = Models(SourceReader(source))
        return Serving(server, source, OneToken(token, user), (), models, lambda n: ["-n", n, *context])

    where = "all namespaces" if everywhere else f"namespace {cluster.namespace}"
    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(source.run())
            await show_page(serving, here, f"The sweeps of {where}, with your permissions.")
            reading.cancel()
    except ExceptionGroup as errors:  # such as that of a port in use
        raise errors.exceptions[0] from None
