"""``kubectl sweep best-params``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep_operator.cli.options import OVERRIDES_FOLLOW
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun


@click.command("best-params", context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", type=SWEEP_NAME, metavar="SWEEP", shell_complete=complete_sweeps)
@click.option("--top-n", type=click.IntRange(min=1), default=1, help="How many of the best runs. [1]")
@click.option("--show-scores", is_flag=True, help="Show the scores of all successful runs.")
@click.option(
    "--output-dir", type=click.Path(path_type=Path, file_okay=False), help="Write the best run's Hydra patch there."
)
@click.option("--max-cost", type=float, help="Only runs that cost no more.")
@click.option(
    "--by", type=click.Choice(["observed", "posterior"]), default="observed",
    help="The best observed score, or the best by the model, which lucky scores do not fool. [observed]",
)  # fmt: skip
@cluster_options
def best_params(
    sweep: str, top_n: int, show_scores: bool, output_dir: Path | None, max_cost: float | None, by: str
) -> None:
    """The best parameters of SWEEP: YAML, overrides, a training command; a Hydra patch with --output-dir."""
    from sweep_operator.cli.best_params import ranked_runs, show_best, sweep_name

    found, runs = read_sweep(sweep_name(sweep))
    scored = ranked_runs(found, runs, max_cost, by)
    show_best(found, scored, top_n, show_scores=show_scores, output_dir=output_dir)


def read_sweep(name: str) -> tuple[Sweep, list[SweepRun]]:
    """The sweep of the command's cluster. Raises ConfigError, InvalidObject."""
    from sweep_operator.api.errors import parse
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun
    from sweep_operator.kubectl.status import read_objects

    sweep, runs = in_cluster(lambda cluster: read_objects(cluster, name))
    return parse(Sweep, sweep), [parse(SweepRun, r) for r in runs]
