"""Creates optimizers by method name. Protein is imported only when it is used, since it needs more imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protein.base import Optimizer
from protein.optimizer import Constraint, Goal
from protein.outcomes import Outcome
from protein.random_search import Random, Sobol
from protein.settings import ProteinSettings
from protein.sources import Source
from protein.space import SearchSpace

METHODS = ("bayes", "random", "sobol")


def make_optimizer(
    method: str,
    space: SearchSpace | Mapping[str, Any],
    settings: ProteinSettings | Mapping[str, Any] | None = None,
    goal: Goal = "maximize",
    seed: int = 0,
    constraints: Sequence[Constraint] = (),
    outcomes: Mapping[str, Outcome] | None = None,
    *,
    sources: Sequence[Source] = (),
    comparable_curves: bool = True,
) -> Optimizer:
    """Create an optimizer.

    Args:
        method: "bayes" (Protein), "random" or "sobol". The other arguments are those of ``Protein``; "random" and
            "sobol" ignore the last three.

    Raises:
        SpaceError: an invalid space.
        ValueError: an unknown method, or an invalid setting or goal.
    """
    if method == "random":
        return Random(space, settings, goal, seed, constraints)
    if method == "sobol":
        return Sobol(space, settings, goal, seed, constraints)
    if method == "bayes":
        from protein.protein import Protein

        return Protein(
            space,
            settings,
            goal,
            seed,
            constraints,
            outcomes=outcomes,
            sources=sources,
            comparable_curves=comparable_curves,
        )
    raise ValueError(f"method: {method!r} is unknown; use one of {', '.join(METHODS)}")
