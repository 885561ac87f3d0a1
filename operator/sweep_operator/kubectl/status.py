"""``kubectl sweep status``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sweep_operator.commands.options import output_format
from sweep_operator.commands.output import echo
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.live import follow
from sweep_operator.kubectl.lookup import read_objects
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options
from sweep_operator.views.status import objects_text, sweep_lines, sweeps_table


@click.command()
@click.argument("name", type=SWEEP_NAME, required=False, shell_complete=complete_sweeps)
@click.option(
    "-w", "--watch", is_flag=True, help="Watch the sweep until it ends: as a table on a terminal, otherwise as lines."
)
@click.option("-A", "--all-namespaces", is_flag=True, help="List the sweeps of all namespaces.")
@output_format
@cluster_options
def status(name: str | None, watch: bool, all_namespaces: bool, output: str) -> None:
    """Show a sweep and its runs; without NAME, all sweeps of the namespace."""
    if name is None:
        if watch:
            raise click.UsageError("--watch requires the NAME of one sweep (`kubectl get sweeps -w` watches all)")
        _show_all(all_namespaces, output)
        return
    if all_namespaces:
        raise click.UsageError("--all-namespaces cannot be combined with NAME; use NAME with -n NAMESPACE")
    if watch:
        if output != "table":
            raise click.UsageError("--watch shows a table; `kubectl get sweep NAME -w -o json` watches the object")
        follow(name)
        return
    sweep, runs = in_cluster(lambda cluster: read_objects(cluster, name))
    if output != "table":
        echo(objects_text([sweep, *runs], output))
        return
    for line in sweep_lines(sweep, runs, datetime.now(UTC), object_names=True):
        echo(line)


def _show_all(everywhere: bool, output: str) -> None:
    async def read(cluster: Cluster) -> tuple[str, list[Object]]:
        place = None if everywhere else cluster.namespace
        return cluster.namespace, list((await cluster.kube.list(Kind.SWEEP, place)).items)

    namespace, sweeps = in_cluster(read)
    if output != "table":
        echo(objects_text(sweeps, output))
    elif not sweeps:
        echo("No sweeps found." if everywhere else f"No sweeps found in namespace {namespace}.", err=True)
    else:
        echo(sweeps_table(sweeps, datetime.now(UTC), object_names=True, namespaces=everywhere))
