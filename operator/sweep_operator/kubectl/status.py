"""``kubectl sweep status``."""

from __future__ import annotations

import click

from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import read_objects
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import output_format, selection_options
from sweep_operator.commands.output import echo
from sweep_operator.commands.status import print_sweep, print_sweeps, require_all
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.live import follow
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.views.selection import ALL, Selection


@click.command()
@click.argument("name", type=SWEEP_NAME, required=False, shell_complete=complete_sweeps)
@click.option(
    "-w", "--watch", is_flag=True, help="Watch the sweep until it ends: as a table on a terminal, otherwise as lines."
)
@click.option("-A", "--all-namespaces", is_flag=True, help="List the sweeps of all namespaces.")
@selection_options
@output_format
@cluster_options
def status(name: str | None, watch: bool, all_namespaces: bool, selection: Selection, output: str) -> None:
    """Show a sweep and its runs; without NAME, all sweeps of the namespace.

    TIME is how long the programs of a finished run ran, and the age of other runs. A wide terminal shows parameters.

    \b
        kubectl sweep status cartpole --sort score --limit 10
        kubectl sweep status cartpole --failed
    """
    if name is None:
        if watch:
            raise click.UsageError("--watch requires the NAME of one sweep (`kubectl get sweeps -w` watches all)")
        require_all(selection)
        _show_all(all_namespaces, output)
        return
    if all_namespaces:
        raise click.UsageError("--all-namespaces cannot be combined with NAME; use NAME with -n NAMESPACE")
    if watch:
        if output != "table":
            raise click.UsageError("--watch shows a table; `kubectl get sweep NAME -w -o json` watches the object")
        if selection != ALL:
            raise click.UsageError("--watch shows the latest runs; use it without --limit, --sort and --failed")
        follow(name)
        return
    print_sweep(*in_cluster(lambda cluster: read_objects(cluster, name)), selection, output, object_names=True)


def _show_all(everywhere: bool, output: str) -> None:
    async def read(cluster: Cluster) -> tuple[str, list[Object]]:
        place = None if everywhere else cluster.namespace
        return cluster.namespace, list((await cluster.kube.list(Kind.SWEEP, place)).items)

    namespace, sweeps = in_cluster(read)
    print_sweeps(sweeps, output, object_names=True, namespaces=everywhere)
    if not sweeps:
        echo("No sweeps found." if everywhere else f"No sweeps found in namespace {namespace}.", err=True)
