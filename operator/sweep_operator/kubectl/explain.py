"""``kubectl sweep explain``."""

from __future__ import annotations

import click

from sweep_operator.commands.explain import ExplainOptions, explain_options, print_explanation
from sweep_operator.commands.names import RUN_NAME, SWEEP_NAME
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_runs, complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.kubectl.replay import recorded


@click.command()
@click.argument("sweep", type=SWEEP_NAME, shell_complete=complete_sweeps)
@click.argument("run", type=RUN_NAME, required=False, shell_complete=complete_runs)
@explain_options
@cluster_options
def explain(sweep: str, run: str | None, options: ExplainOptions) -> None:
    """Explain SWEEP by its model: which parameters matter, and what the next runs are expected to buy.

    With RUN, explain why the optimizer suggested this run. The models are fitted on this machine, which takes some
    seconds. If the sweep has a warm start, you need the permission to get ConfigMaps.

    \b
        kubectl sweep explain cartpole
        kubectl sweep explain cartpole cartpole.r.17
        kubectl sweep explain cartpole --parameter trainer.learning_rate --runs 20 -o json
    """
    print_explanation(in_cluster(lambda cluster: recorded(cluster, sweep)), run, options, object_names=True)
