"""What only the model can say: what matters, and which run is best without its luck. Imports torch when called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.summary import observation

MIN_OBSERVATIONS = 5
_NOTE = "Shares of the variance of the predicted score over the search space, each parameter by itself."


def parameter_shares(sweep: Sweep, runs: Sequence[SweepRun]) -> tuple[dict[str, float], str]:
    """Importance by path, the largest first, and a note; empty with the reason where there are too few scores."""
    scored = sum(r.succeeded for r in runs)
    needed = max(MIN_OBSERVATIONS, len(sweep.spec.parameters) + 1)
    if scored < needed:
        return {}, f"{scored} runs have a score; it takes {needed} to tell."
    from protein.analysis.importance import parameter_importance

    return parameter_importance(_fitted(sweep, runs)), _NOTE


def rank_by_posterior(sweep: Sweep, runs: Sequence[SweepRun], candidates: Sequence[SweepRun]) -> list[SweepRun]:
    """``candidates``, the best mean score by the model first."""
    means, _, _ = _fitted(sweep, runs).predict([_searched(sweep, r) for r in candidates])
    sign = -1.0 if sweep.spec.goal == "maximize" else 1.0
    order = sorted(range(len(candidates)), key=lambda i: (sign * float(means[i]), i))
    return [candidates[i] for i in order]


def _fitted(sweep: Sweep, runs: Sequence[SweepRun]) -> Any:
    """The optimizer with the sweep's observations, whatever the sweep's own method is."""
    from protein import SearchSpace
    from protein.protein import Protein
    from protein.settings import ProteinSettings

    space = SearchSpace({path: spec.to_json() for path, spec in sweep.spec.parameters.items()})
    settings = ProteinSettings.from_config(sweep.spec.protein.to_json())
    optimizer = Protein(space, settings, goal=sweep.spec.goal, seed=sweep.seed)
    for run in runs:
        seen = observation(run)
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
