"""The best parameters of a sweep, in every form in which a user applies them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.errors import ConfigError
from sweep_operator.config.patch import (
    command,
    fixed_of,
    overrides,
    patch_text,
    patch_usage,
    typed_parameters,
    write_patch,
    yaml_block,
)
from sweep_operator.decide.summary import ranked
from sweep_operator.views.figures import number
from sweep_operator.views.labels import label
from sweep_operator.views.training_command import Templates, TrainingCommand, takes_overrides, training_command
from sweep_operator.views.where import satisfying

_RULE, _LINE = "=" * 60, "-" * 40


def ranked_runs(
    sweep: Sweep, runs: Sequence[SweepRun], max_cost: float | None, where: Sequence[str] = ()
) -> list[SweepRun]:
    """Successful runs, best first, ranked by observed score.

    ``max_cost``: ignore runs that cost more. ``where``: ignore runs for which one of these conditions does not hold;
    then the thresholds of spec.objectives do not apply. Raises ConfigError if no run qualifies.
    """
    scored = ranked(sweep, runs, thresholds=not where)
    if not scored:
        failed = sum(r.failed and not r.pruned for r in runs)
        raise ConfigError(f"{sweep.display_name}: no run has a score yet ({len(runs)} runs, {failed} failed)")
    if max_cost is not None:
        if math.isnan(max_cost):
            raise ConfigError("--max-cost: nan is not a cost; give a number")
        costs = [r.status.cost for r in scored if r.status.cost is not None]
        scored = [r for r in scored if r.status.cost is not None and r.status.cost <= max_cost]
        if not scored:
            least = f"the cheapest run cost {min(costs):.4g}" if costs else "no run has a cost"
            raise ConfigError(f"--max-cost: no run cost {max_cost:g} or less; {least}")
    for condition in where:
        scored = satisfying(condition, scored)
    return scored


def best_params_blocks(
    sweep: Sweep,
    scored: Sequence[SweepRun],
    templates: Templates,
    top_n: int,
    show_scores: bool,
    output_dir: Path | None,
) -> Iterator[str]:
    """Blocks of text about the first ``top_n`` runs. Writes the best run's patch to ``output_dir``; None: no patch."""
    if show_scores:
        yield from _scores(scored)
    for place, run in enumerate(scored[:top_n], 1):
        name = f"{sweep.display_name}_best" + ("" if place == 1 else f"_{place}")
        again = training_command(sweep, run, templates, name)
        yield from _head(sweep, run, place)
        sections = [f"As YAML config:\n{_LINE}\n{yaml_of(again)}", *_hydra(again, place, output_dir), _complete(again)]
        yield from (f"{number}. {section}\n" for number, section in enumerate(sections, 1))


def _scores(runs: Sequence[SweepRun]) -> Iterator[str]:
    yield f"Scores of {len(runs)} successful runs:"
    width = max(len(label(r)) for r in runs)
    for run in runs:
        cost = "" if run.status.cost is None else f"   cost {number(run.status.cost)}"
        yield f"  {label(run).ljust(width)}   {run.status.score!r}{cost}"
    yield ""


def _head(sweep: Sweep, run: SweepRun, place: int) -> Iterator[str]:
    score = run.status.score or 0.0
    yield f"{'Best run' if place == 1 else f'#{place}'}: {label(run)} (score: {score:.4f})"
    if run.status.cost is not None:
        yield f"Cost: {run.status.cost:.4g}"
    for objective in sweep.spec.objectives[1:]:
        yield f"{objective.metric}: {number(run.status.metrics.get(objective.metric)) or 'unknown'}"
    title = "BEST HYPERPARAMETERS:" if place == 1 else f"HYPERPARAMETERS OF #{place}:"
    yield f"\n{_RULE}\n{title}\n{_RULE}\n"


def yaml_of(again: TrainingCommand) -> str:
    """The searched parameters as nested YAML."""
    return yaml_block(typed_parameters(again.sweep, again.run.parameters))


def searched_overrides(again: TrainingCommand) -> str:
    """The searched parameters as arguments of the program, quoted for a shell; empty if it does not take overrides."""
    if not takes_overrides(again.template.train):
        return ""
    return " ".join(map(shlex.quote, overrides(typed_parameters(again.sweep, again.run.parameters))))


def _hydra(again: TrainingCommand, place: int, output_dir: Path | None) -> Iterator[str]:
    """The forms for Hydra programs: the patch, for other programs only if ``output_dir`` is given, and overrides."""
    hydra = takes_overrides(again.template.train)
    if output_dir is not None and place == 1:
        usage = patch_usage(again.name, output_dir)
        yield f"Config patch saved to: {_write_patch(again, output_dir, usage)}\n   Use with: {usage}"
    elif hydra:
        yield (
            "No config patch requested." if place == 1 else "The config patch contains the best run's parameters only."
        )
    if hydra:
        searched = overrides(typed_parameters(again.sweep, again.run.parameters))
        yield f"As command-line overrides:\n{_LINE}\n{command(again.template.train, searched)}"


def _write_patch(again: TrainingCommand, output_dir: Path, usage: str) -> Path:
    try:
        return write_patch(output_dir, again.name, patch_of(again, usage))
    except OSError as error:
        problem = f"--output-dir {output_dir}: cannot be written: {error.strerror or error}; use --no-patch"
        raise ConfigError(problem) from None


def patch_of(again: TrainingCommand, usage: str) -> str:
    """The Hydra patch with the parameters of the run."""
    sweep, run = again.sweep, again.run
    searched, fixed = typed_parameters(sweep, run.parameters), fixed_of(sweep, run)
    return patch_text(label(run), run.status.score or 0.0, searched, fixed, cost=run.status.cost, usage=usage)


def _complete(again: TrainingCommand) -> str:
    notes = "".join(f"   {note}\n" for note in again.notes)
    return f"Complete training command:\n{notes}{_LINE}\n{again.text}"
