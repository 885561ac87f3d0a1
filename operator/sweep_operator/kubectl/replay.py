"""``kubectl sweep replay``."""

from __future__ import annotations

import contextlib

import click

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import parsed_sweep, run_named, sweep_with_templates
from sweep_operator.commands.names import RUN_NAME
from sweep_operator.commands.recorded import Recorded
from sweep_operator.commands.replay import print_replay
from sweep_operator.domain.identity import warm_start_name
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.kube.protocol import Forbidden, Kind, NotFound, Object
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_runs
from sweep_operator.kubectl.options import cluster_options


@click.command()
@click.argument("run", type=RUN_NAME, shell_complete=complete_runs)
@cluster_options
def replay(run: str) -> None:
    """Compute the suggestion of RUN again from its recorded provenance, and compare it with the run.

    It is computed on this machine, and takes as long as a suggestion of the sweep. With the CPU and the versions of the
    operator, the parameters are the same bit for bit. If the sweep has a warm start, you need the permission to get
    ConfigMaps.

    \b
        kubectl sweep replay cartpole.r.17
    """
    print_replay(in_cluster(lambda cluster: _recorded(cluster, run)), run)


async def _recorded(cluster: Cluster, name: str) -> Recorded:
    run = read(SweepRun, await run_named(cluster, name))
    return await recorded(cluster, run.spec.sweep_name)


async def recorded(cluster: Cluster, name: str) -> Recorded:
    """The sweep with its runs and the observations of its warm start. Raises ConfigError, InvalidObject."""
    sweep, runs = await parsed_sweep(cluster, name)
    return Recorded(sweep, runs, await warm_start_maps(cluster, sweep))


async def warm_start_maps(cluster: Cluster, sweep: Sweep) -> list[Object]:
    """The ConfigMap with the observations of the warm start, if there is one. Raises Forbidden."""
    if (digest := sweep.status.warm_start_digest) is None:
        return []
    with contextlib.suppress(NotFound):  # whoever needs it reports it
        return [await cluster.kube.get(Kind.CONFIG_MAP, cluster.namespace, warm_start_name(sweep.name, digest))]
    return []


async def recorded_if_allowed(cluster: Cluster, name: str) -> tuple[Recorded, dict[str, RunTemplate]]:
    """The sweep with its runs and their templates, and the observations of its warm start if the user may read them."""
    sweep, runs, templates = await sweep_with_templates(cluster, name)
    with contextlib.suppress(Forbidden):
        return Recorded(sweep, runs, await warm_start_maps(cluster, sweep)), templates
    return Recorded(sweep, runs), templates
