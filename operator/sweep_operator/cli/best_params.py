"""``sweep best-params``.

The lookup and the ranking are imported inside the function: they load the models, which --help and completion do not
need.
"""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cli.lookup import Lookup, lookup_options
from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.options import OVERRIDES_FOLLOW, RankingOptions, ranking_options, sweep_name
from sweep_operator.commands.output import echo
from sweep_operator.garbage import no_collection

PATCH_DIR = Path("configs/trainer/patch")


@click.command("best-params", context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", metavar="sweep_run=NAME", shell_complete=complete_sweeps)
@click.argument("arguments", nargs=-1, metavar="[wandb.project=P ...]")
@ranking_options
@click.option("--no-patch", is_flag=True, help="Do not write a patch file.")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Directory of the patch file. [{PATCH_DIR} if the program uses Hydra, else no patch]",
)
@lookup_options
@no_collection()
def best_params(
    sweep: str,
    arguments: tuple[str, ...],
    ranking: RankingOptions,
    no_patch: bool,
    output_dir: Path | None,
    lookup: Lookup,
) -> None:
    """Print the best parameters of a sweep as YAML and as a training command that you can run.

    For a program that uses Hydra, also print them as overrides, and write them as a patch.

    The command looks for the sweep on this machine, then in W&B. For a sweep in a cluster, use `kubectl sweep
    best-params`.

    \b
        sweep best-params sweep_run=my_sweep --top-n 3 --show-scores
        sweep best-params sweep_run=my_sweep --entity my-team --project my-project
        python images/trainer/train.py run=new +trainer/patch=my_sweep_best
    """
    from sweep_operator.cli.find_sweep import find_sweep
    from sweep_operator.commands.ranking import best_first
    from sweep_operator.views.best_params import best_params_blocks
    from sweep_operator.views.training_command import takes_overrides, training_command

    recorded, templates = find_sweep(sweep_name(sweep), arguments, lookup)
    found, scored = recorded.sweep, best_first(recorded, ranking)
    if output_dir is None and takes_overrides(training_command(found, scored[0], templates, "").template.train):
        output_dir = PATCH_DIR
    for block in best_params_blocks(
        found, scored, templates, ranking.top_n, ranking.show_scores, None if no_patch else output_dir
    ):
        echo(block)
