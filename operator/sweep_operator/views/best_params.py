"""The best parameters of a sweep, in every form in which a user applies them."""

from __future__ import annotations

import math
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
    typed_parameters,
    write_patch,
    yaml_block,
)
from sweep_operator.decide.summary import ranked
from sweep_operator.views.figures import number
from sweep_operator.views.report_data import rank_by_posterior
from sweep_operator.views.report_series import label

_RULE, _LINE = "=" * 60, "-" * 40


def ranked_runs(sweep: Sweep, runs: Sequence[SweepRun], max_cost: float | None, by: str) -> list[SweepRun]:
    """Successful runs, best first, ranked by ``observed`` score or by ``posterior`` mean.

    ``max_cost``: ignore runs that cost more. Raises ConfigError if no run qualifies.
    """
    scored = ranked(sweep, runs)
    if not scored:
        failed = sum(r.failed for r in runs)
        raise ConfigError(f"{sweep.display_name}: no run has a score yet ({len(runs)} runs, {failed} failed)")
    if max_cost is not None:
        if math.isnan(max_cost):
            raise ConfigError("--max-cost: nan is not a cost; give a number")
        costs = [r.status.cost for r in scored if r.status.cost is not None]
        scored = [r for r in scored if r.status.cost is not None and r.status.cost <= max_cost]
        if not scored:
            least = f"the cheapest run cost {min(costs):.4g}" if costs else "no run has a cost"
            raise ConfigError(f"--max-cost: no run cost {max_cost:g} or less; {least}")
    return rank_by_posterior(sweep, runs, scored) if by == "posterior" else scored


def best_params_blocks(
    sweep: Sweep, scored: Sequence[SweepRun], top_n: int, show_scores: bool, output_dir: Path | None
) -> Iterator[str]:
    """Blocks of text about the first ``top_n`` runs. Writes the best run's patch to ``output_dir``; None: no patch."""
    if show_scores:
        yield from _scores(scored)
    for place, run in enumerate(scored[:top_n], 1):
        yield from _run(sweep, run, place, output_dir)


def _scores(runs: Sequence[SweepRun]) -> Iterator[str]:
    yield f"Scores of {len(runs)} successful runs:"
    width = max(len(label(r)) for r in runs)
    for run in runs:
        cost = "" if run.status.cost is None else f"   cost {number(run.status.cost)}"
        yield f"  {label(run).ljust(width)}   {run.status.score!r}{cost}"
    yield ""


def _run(sweep: Sweep, run: SweepRun, place: int, output_dir: Path | None) -> Iterator[str]:
    searched, fixed = typed_parameters(sweep, run.parameters), fixed_of(sweep, run)
    score, name = run.status.score or 0.0, f"{sweep.display_name}_best"
    yield f"{'Best run' if place == 1 else f'#{place}'}: {label(run)} (score: {score:.4f})"
    if run.status.cost is not None:
        yield f"Cost: {run.status.cost:.4g}"
    title = "BEST HYPERPARAMETERS:" if place == 1 else f"HYPERPARAMETERS OF #{place}:"
    yield f"\n{_RULE}\n{title}\n{_RULE}\n"
    yield f"1. As YAML config:\n{_LINE}\n{yaml_block(searched)}\n"
    if place > 1:
        yield "2. The config patch contains the best run's parameters only.\n"
    elif output_dir is None:
        yield "2. No config patch requested.\n"
    else:
        text = patch_text(name, label(run), score, searched, fixed, cost=run.status.cost)
        try:
            path = write_patch(output_dir, name, text)
        except OSError as error:
            problem = f"--output-dir {output_dir}: cannot be written: {error.strerror or error}; use --no-patch"
            raise ConfigError(problem) from None
        yield f"2. Config patch saved to: {path}\n   Use with: +trainer/patch={name}\n"
    every = overrides({**fixed, **searched})
    yield f"3. As command-line overrides:\n{_LINE}\n{command(sweep, overrides(searched))}\n"
    yield f"4. Complete training command:\n{_LINE}\n{command(sweep, [f'run={name}', *every])}\n"
