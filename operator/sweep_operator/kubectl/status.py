"""``kubectl sweep status``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sweep_operator.cli.options import output_format
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options


@click.command()
@click.argument("name", type=SWEEP_NAME, required=False, shell_complete=complete_sweeps)
@click.option("-w", "--watch", is_flag=True, help="Follow the sweep until it ends: a table on a terminal, else lines.")
@click.option("-A", "--all-namespaces", is_flag=True, help="The sweeps of all namespaces.")
@output_format()
@cluster_options
def status(name: str | None, watch: bool, all_namespaces: bool, output: str) -> None:
    """A sweep and its runs; without NAME, all sweeps of the namespace."""
    if name is None:
        if watch:
            raise click.UsageError("--watch follows one sweep: name it (`kubectl get sweeps -w` follows all)")
        _show_all(all_namespaces, output)
        return
    if all_namespaces:
        raise click.UsageError("a sweep is in one namespace: say NAME with -n NAMESPACE, or --all-namespaces alone")
    if watch:
        from sweep_operator.kubectl.live import follow

        if output != "table":
            raise click.UsageError("--watch shows a table; `kubectl get sweep NAME -w -o json` follows the object")
        follow(name)
        return
    sweep, runs = in_cluster(lambda cluster: read_objects(cluster, name))
    from sweep_operator.cli.status import print_objects, show_sweep

    if output == "table":
        show_sweep(sweep, runs, datetime.now(UTC), object_names=True)
    else:
        print_objects([sweep, *runs], output)


async def read_objects(cluster: Cluster, name: str) -> tuple[Object, list[Object]]:
    """The Sweep and its runs. Raises ConfigError."""
    from sweep_operator.kubectl.lookup import runs_of, sweep_named

    sweep = await sweep_named(cluster, name)
    return sweep, await runs_of(cluster, name)


def _show_all(everywhere: bool, output: str) -> None:
    async def read(cluster: Cluster) -> tuple[str, list[Object]]:
        place = None if everywhere else cluster.namespace
        return cluster.namespace, list((await cluster.kube.list(Kind.SWEEP, place)).items)

    namespace, sweeps = in_cluster(read)
    from sweep_operator.cli.status import print_objects, text_table
    from sweep_operator.views.tables import SWEEP_COLUMNS, sweep_row

    if output != "table":
        print_objects(sweeps, output)
    elif not sweeps:
        click.echo("No sweeps." if everywhere else f"No sweeps in namespace {namespace}.", err=True)
    else:
        now = datetime.now(UTC)
        rows = [sweep_row(s, now, object_names=True) for s in sweeps]
        if everywhere:
            places = [str(s["metadata"].get("namespace", "")) for s in sweeps]
            click.echo(text_table(("NAMESPACE", *SWEEP_COLUMNS), [(p, *r) for p, r in zip(places, rows, strict=True)]))
        else:
            click.echo(text_table(SWEEP_COLUMNS, rows))
