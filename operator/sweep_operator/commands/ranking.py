"""The best runs of a sweep, for ``best-params``."""

from __future__ import annotations

import asyncio

from protein.analysis.pareto import goal_sign
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.options import RankingOptions
from sweep_operator.commands.recorded import Recorded
from sweep_operator.suggest.explain import Explainer
from sweep_operator.views.best_params import ranked_runs


def best_first(recorded: Recorded, ranking: RankingOptions) -> list[SweepRun]:
    """Successful runs that qualify, best first, by observed score or by posterior mean. Raises ConfigError."""
    scored = ranked_runs(recorded.sweep, recorded.runs, ranking.max_cost, ranking.where)
    return asyncio.run(_by_posterior(recorded, scored)) if ranking.by == "posterior" else scored


async def _by_posterior(recorded: Recorded, scored: list[SweepRun]) -> list[SweepRun]:
    explainer, sign = Explainer(), goal_sign(recorded.sweep.spec.goal)
    points, earlier = [run.parameters for run in scored], recorded.earlier_if_readable()
    try:
        means = await explainer.posterior_means(recorded.sweep, recorded.runs, points, earlier)
    finally:
        await explainer.close()
    order = sorted(range(len(scored)), key=lambda i: -sign * means[i])  # of equal ones, the observed score decides
    return [scored[i] for i in order]
