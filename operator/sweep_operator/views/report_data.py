"""Results that need the fitted model: the ranking by posterior mean.

Imports ``protein`` inside functions: it loads torch, which commands that do not fit the model must not load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.facts import observation


def rank_by_posterior(sweep: Sweep, runs: Sequence[SweepRun], candidates: Sequence[SweepRun]) -> list[SweepRun]:
    """``candidates``, best posterior mean score first."""
    means, _, _ = _fitted(sweep, runs).predict([_searched(sweep, r) for r in candidates])
    sign = -1.0 if sweep.spec.goal == "maximize" else 1.0
    order = sorted(range(len(candidates)), key=lambda i: (sign * float(means[i]), i))
    return [candidates[i] for i in order]


def _fitted(sweep: Sweep, runs: Sequence[SweepRun]) -> Any:
    """A Protein optimizer with the sweep's observations, regardless of the sweep's own method."""
    from protein import SearchSpace
    from protein.protein import Protein
    from protein.settings import ProteinSettings

    space = SearchSpace({path: spec.to_json() for path, spec in sweep.spec.parameters.items()})
    settings = ProteinSettings.from_config(sweep.spec.protein.to_json())
    optimizer = Protein(space, settings, goal=sweep.spec.goal, seed=sweep.seed)
    for run in runs:
        seen = observation(run, sweep)
        if seen is not None:
            optimizer.observe(
                _searched(sweep, run),
                score=seen.score,
                cost=seen.cost,
                is_failure=seen.is_failure,
                cost_is_lower_bound=seen.cost_is_lower_bound,
                strict=False,
            )
    return optimizer


def _searched(sweep: Sweep, run: SweepRun) -> dict[str, Any]:
    return {path: value for path, value in run.parameters.items() if path in sweep.spec.parameters}
