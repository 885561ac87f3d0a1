"""``kubectl sweep best-params``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import OVERRIDES_FOLLOW, RankingOptions, ranking_options, sweep_name
from sweep_operator.commands.output import echo
from sweep_operator.commands.ranking import best_first
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import cluster_options
from sweep_operator.kubectl.replay import recorded_if_allowed
from sweep_operator.views.best_params import best_params_blocks


@click.command("best-params", context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", type=SWEEP_NAME, metavar="SWEEP", shell_complete=complete_sweeps)
@ranking_options
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write the best run's Hydra patch to. [no patch]",
)
@cluster_options
def best_params(sweep: str, ranking: RankingOptions, output_dir: Path | None) -> None:
    """Print the best parameters of SWEEP as YAML and as a training command that you can run.

    For a program that uses Hydra, also print them as overrides.
    """
    recorded, templates = in_cluster(lambda cluster: recorded_if_allowed(cluster, sweep_name(sweep)))
    scored = best_first(recorded, ranking)
    for block in best_params_blocks(recorded.sweep, scored, templates, ranking.top_n, ranking.show_scores, output_dir):
        echo(block)
