"""``sweep best-params``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep_operator.cli.find_sweep import find_sweep, from_option
from sweep_operator.cli.options import DEFAULT_RUNS_DIR, OVERRIDES_FOLLOW, runs_dir
from sweep_operator.cli.wandb_place import place_of, wandb_options
from sweep_operator.config.errors import ConfigError

if TYPE_CHECKING:
    from sweep_operator.api.sweep import Sweep
    from sweep_operator.api.sweeprun import SweepRun

_RULE, _LINE = "=" * 60, "-" * 40
PATCH_DIR = Path("configs/trainer/patch")


@click.command("best-params", context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", metavar="sweep_run=NAME")
@click.argument("arguments", nargs=-1, metavar="[wandb.project=P ...]")
@click.option("--top-n", type=click.IntRange(min=1), default=1, help="How many of the best runs. [1]")
@click.option("--show-scores", is_flag=True, help="Show the scores of all successful runs.")
@click.option("--no-patch", is_flag=True, help="Write no patch file.")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=PATCH_DIR,
    help=f"Of the patch. [{PATCH_DIR}]",
)
@click.option("--max-cost", type=float, help="Only runs that cost no more.")
@click.option(
    "--by", type=click.Choice(["observed", "posterior"]), default="observed",
    help="The best observed score, or the best by the model, which lucky scores do not fool. [observed]",
)  # fmt: skip
@from_option
@wandb_options
@runs_dir(DEFAULT_RUNS_DIR)
def best_params(
    sweep: str,
    arguments: tuple[str, ...],
    top_n: int,
    show_scores: bool,
    no_patch: bool,
    output_dir: Path,
    max_cost: float | None,
    by: str,
    source: str | None,
    entity: str | None,
    project: str | None,
    base_url: str | None,
    runs_dir: Path,
) -> None:
    """The best parameters of a sweep: as YAML, as a Hydra patch, as overrides, as a training command.

    The sweep is looked for on this machine, then in W&B; of a cluster's sweep `kubectl sweep best-params` tells.

    \b
      sweep best-params sweep_run=my_sweep --top-n 3 --show-scores
      sweep best-params sweep_run=my_sweep --entity my-team --project my-project
      python images/trainer/train.py run=new +trainer/patch=my_sweep_best
    """
    place = place_of(arguments, entity, project, base_url)
    found, runs = find_sweep(sweep_name(sweep), runs_dir, source, place)
    scored = ranked_runs(found, runs, max_cost, by)
    show_best(found, scored, top_n, show_scores=show_scores, output_dir=None if no_patch else output_dir)


def ranked_runs(sweep: Sweep, runs: Sequence[SweepRun], max_cost: float | None, by: str) -> list[SweepRun]:
    """Successful runs, the best first, ``by`` observed or posterior. Raises ConfigError where there are none."""
    scored = best_first(sweep, runs, max_cost)
    if by == "posterior":
        from sweep_operator.views.report_data import rank_by_posterior

        scored = rank_by_posterior(sweep, runs, scored)
    return scored


def show_best(
    sweep: Sweep, scored: Sequence[SweepRun], top_n: int, *, show_scores: bool, output_dir: Path | None
) -> None:
    """The first ``top_n`` in every form; the first one's patch goes to ``output_dir``."""
    if show_scores:
        _show_scores(scored)
    for place, run in enumerate(scored[:top_n], 1):
        _show_run(sweep, run, place, None if place > 1 else output_dir)


def sweep_name(argument: str) -> str:
    """The name in ``sweep_run=NAME`` or ``NAME``. Raises ConfigError."""
    key, equals, name = argument.rpartition("=")
    if equals and key != "sweep_run":
        raise ConfigError(f"{argument!r}: {key!r} is not known here; write sweep_run=NAME")
    if not name:
        raise ConfigError("sweep_run=: is empty; write sweep_run=NAME")
    return name


def best_first(sweep: Sweep, runs: Sequence[SweepRun], max_cost: float | None) -> list[SweepRun]:
    """Successful runs, the best observed score first. Raises ConfigError where there are none."""
    from sweep_operator.decide.summary import ranked

    scored = ranked(sweep, runs)
    if not scored:
        failed = sum(r.failed for r in runs)
        raise ConfigError(f"{sweep.display_name}: no run has a score yet ({len(runs)} runs, {failed} failed)")
    if max_cost is None:
        return scored
    cheap = [r for r in scored if r.status.cost is not None and r.status.cost <= max_cost]
    if not cheap:
        least = min((r.status.cost for r in scored if r.status.cost is not None), default=None)
        said = "no run has a cost" if least is None else f"the cheapest run cost {least:.4g}"
        raise ConfigError(f"--max-cost: no run cost {max_cost:g} or less; {said}")
    return cheap


def _show_scores(runs: Sequence[SweepRun]) -> None:
    from sweep_operator.views.tables import number

    click.echo(f"Scores of {len(runs)} successful runs:")
    width = max(len(_name(r)) for r in runs)
    for run in runs:
        cost = "" if run.status.cost is None else f"   cost {number(run.status.cost)}"
        click.echo(f"  {_name(run).ljust(width)}   {run.status.score!r}{cost}")
    click.echo()


def _show_run(sweep: Sweep, run: SweepRun, place: int, output_dir: Path | None) -> None:
    from sweep_operator.config.patch import (
        command,
        fixed_of,
        overrides,
        patch_text,
        typed_parameters,
        write_patch,
        yaml_block,
    )  # fmt: skip

    searched, fixed = typed_parameters(sweep, run.parameters), fixed_of(sweep, run)
    score = run.status.score or 0.0
    name = f"{sweep.display_name}_best"
    click.echo(
        f"Best run: {_name(run)} (score: {score:.4f})" if place == 1 else f"#{place}: {_name(run)} (score: {score:.4f})"
    )
    if run.status.cost is not None:
        click.echo(f"Cost: {run.status.cost:.4g}")
    title = "BEST HYPERPARAMETERS:" if place == 1 else f"HYPERPARAMETERS OF #{place}:"
    click.echo(f"\n{_RULE}\n{title}\n{_RULE}\n")
    click.echo(f"1. As YAML config:\n{_LINE}\n{yaml_block(searched)}\n")
    if output_dir is None:
        click.echo(
            "2. No config patch was asked for.\n" if place == 1 else "2. The config patch holds the best run's.\n"
        )
    else:
        text = patch_text(name, _name(run), score, searched, fixed, cost=run.status.cost)
        path = write_patch(output_dir, name, text)
        click.echo(f"2. Config patch saved to: {path}\n   Use with: +trainer/patch={name}\n")
    every = overrides({**fixed, **searched})
    click.echo(f"3. As command-line overrides:\n{_LINE}\n{command(sweep, overrides(searched))}\n")
    click.echo(f"4. Complete training command:\n{_LINE}\n{command(sweep, [f'run={name}', *every])}\n")


def _name(run: SweepRun) -> str:
    return run.status.run_name or run.name
