"""``kubectl sweep retry``."""

from __future__ import annotations

import re

import click

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.output import echo
from sweep_operator.config.errors import ConfigError
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.lookup import run_named, sweep_named
from sweep_operator.kubectl.manual_runs import checked_parameters, create_run
from sweep_operator.kubectl.names import complete_failed_runs
from sweep_operator.kubectl.options import RUN_NAME, cluster_options


@click.command()
@click.argument("runs", type=RUN_NAME, nargs=-1, required=True, shell_complete=complete_failed_runs)
@cluster_options
def retry(runs: tuple[str, ...]) -> None:
    """Retry failed RUNS. Each retry is a new manual run with the same parameters, named RUN-retry-<n>."""
    in_cluster(lambda cluster: _retry(cluster, runs))


async def _retry(cluster: Cluster, names: tuple[str, ...]) -> None:
    wanted = []
    for name in names:
        run = read(SweepRun, await run_named(cluster, name))
        sweep = run.spec.sweep_name
        if run.succeeded:
            raise ConfigError(f"{name} has not failed; to run it again, use `kubectl sweep add {sweep} --like {name}`")
        if not run.failed:
            raise ConfigError(f"{name} has not ended; end it with `kubectl sweep stop {name}`, then retry it")
        found = read(Sweep, await sweep_named(cluster, sweep))
        wanted.append((name, sweep, checked_parameters(found, run.parameters, f"{name}: ")))
    for name, sweep, parameters in wanted:
        prefix = f"{re.sub(r'-retry-[0-9]+$', '', name)}-retry-"  # the retry of a retry continues the numbering
        created = await create_run(cluster, sweep, parameters, name=None, prefix=prefix)
        echo(f"sweeprun.metta.ai/{created} created")
