"""What the adapters of all optimizers share."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.bench.optimizer.space import Params, space_of


def params_key(params: Params) -> tuple[float, ...]:
    """Identity of parameters, up to rounding."""
    return tuple(round(float(v), 12) for _, v in sorted(params.items()))


class Peer:
    """What the adapters share: the space, global seeds for libraries that use them, scores of failed runs."""

    def __init__(
        self,
        spec: Mapping[str, Mapping[str, Any]],
        *,
        seed: int = 0,
        goal: str = "maximize",
        max_cost: float | None = None,
        cost_param: str | None = None,
        budget: float | None = None,
        runs: int | None = None,
    ) -> None:
        self.space = space_of(spec)
        self.spec, self.seed, self.goal = spec, seed, goal
        self.max_cost, self.cost_param, self.budget, self.runs = max_cost, cost_param, budget, runs
        self.rng = np.random.default_rng(seed)
        self.worst = math.inf
        random.seed(seed)
        np.random.seed(seed % 2**32)
        import torch

        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self.setup()

    def setup(self) -> None:
        """Build the optimizer."""

    def suggest(self, n: int) -> list[dict[str, Any]]:
        """`n` new suggestions."""
        raise NotImplementedError

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        """A result."""
        raise NotImplementedError

    def impute(self, score: float, is_failure: bool) -> float | None:
        """Peers without a notion of failure are told the worst score so far; None while there is none."""
        if is_failure or not math.isfinite(score):
            return self.worst if math.isfinite(self.worst) else None
        self.worst = min(self.worst, score)
        return score
