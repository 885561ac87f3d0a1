"""``kubectl sweep replay``."""

from __future__ import annotations

import contextlib

import click

from sweep_operator.api.stored import read
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import parsed_sweep, run_named
from sweep_operator.commands.names import RUN_NAME
from sweep_operator.commands.replay import Recorded, print_replay
from sweep_operator.domain.identity import warm_start_name
from sweep_operator.kube.protocol import Kind, NotFound
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
    config_maps = []
    if (digest := sweep.status.warm_start_digest) is not None:
        stored = warm_start_name(sweep.name, digest)
        with contextlib.suppress(NotFound):  # whoever needs it reports it
            config_maps.append(await cluster.kube.get(Kind.CONFIG_MAP, cluster.namespace, stored))
    return Recorded(sweep, runs, config_maps)
