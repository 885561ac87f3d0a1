"""Observations as sorted arrays, the data of every model of Protein.

Rows are sorted by content, so that results do not depend on the order of arrival, to the last bit. The goal is resolved
here: `utility` is always maximized.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from protein.analysis.pareto import goal_sign
from protein.arrays import Array, Indices, Mask
from protein.optimizer import Observation
from protein.outcomes import Outcome, OutcomeTable
from protein.space import SearchSpace


@dataclass(frozen=True, slots=True)
class History:
    """n observations, one row each; repeated measurements of one point stay separate rows.

    x: (n, dim) model columns; utility: (n,), NaN without a score; cost: (n,) in the user's units, NaN if unknown;
    failed: (n,), infeasible parameters; censored: (n,), `cost` is only a lower bound; source: (n,) positions in
    the sequence that the history was built from. outcomes: additional metrics of the same rows.
    """

    x: Array
    utility: Array
    cost: Array
    failed: Mask
    censored: Mask
    source: Indices
    outcomes: OutcomeTable = field(default_factory=OutcomeTable)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def scored(self) -> Mask:
        """Rows with a finite score; they did not fail."""
        out: Mask = np.isfinite(self.utility)
        return out

    @property
    def priced(self) -> Mask:
        """Rows with the full cost of a successful run."""
        out: Mask = np.isfinite(self.cost) & ~self.failed & ~self.censored
        return out

    @property
    def spent(self) -> float:
        """Total cost so far, including failed and censored runs."""
        return math.fsum(self.cost[np.isfinite(self.cost) & (self.cost > 0)].tolist())

    @property
    def mixed(self) -> bool:
        """Whether some runs failed and others did not."""
        return bool(self.failed.any() and self.scored.any())

    @property
    def predicts_cost(self) -> bool:
        """Whether enough costs are known to predict others."""
        return int(self.priced.sum()) >= 2

    def nearest(self, row: Array, observations: Sequence[Observation]) -> dict[str, Any]:
        """The observed run nearest to a row (dim,) of the unit box: its distance there, parameters and results.

        observations: the sequence that the history was built from.
        """
        if len(self) == 0:
            return {}
        distance = np.sqrt(((self.x - row) ** 2).sum(axis=1))
        nearest = int(np.argmin(distance))
        run = observations[int(self.source[nearest])]
        found = {"distance": float(distance[nearest]), "params": dict(run.params), "score": run.score, "cost": run.cost}
        return {"nearest": found}

    def digest(self) -> bytes:
        """Identity of the multiset of observations."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (self.x, self.utility, self.cost, self.failed, self.censored, self.outcomes.values):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.digest()


def build_history(
    space: SearchSpace,
    observations: Sequence[Observation],
    goal: str,
    outcomes: Mapping[str, Outcome] | None = None,
) -> History:
    """The history of `observations`, `goal` being "maximize" or "minimize".

    A failure never keeps its score. A non-finite score is a failure: the run ended without a usable result. A
    non-finite cost is an unknown cost.
    """
    sign = goal_sign(goal)
    count = len(observations)
    x = space.encode_many([o.params for o in observations]) if count else np.zeros((0, space.dim))
    utility, cost = np.full(count, math.nan), np.full(count, math.nan)
    failed, censored = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    for i, o in enumerate(observations):
        failed[i] = o.is_failure or (o.score is not None and not math.isfinite(o.score))
        censored[i] = o.cost_is_lower_bound
        if o.score is not None and not failed[i]:
            utility[i] = sign * o.score
        if o.cost is not None and math.isfinite(o.cost):
            cost[i] = o.cost
    asked = dict(outcomes or {})
    table = np.array([[s.sign * o.metrics.get(n, math.nan) for n, s in asked.items()] for o in observations])
    table = table.reshape(count, len(asked)) + 0.0
    utility += 0.0  # -0.0 and 0.0 are equal but have different bytes
    keys = (*table.T[::-1], censored, failed, cost, utility, *x.T[::-1])
    order = np.lexsort(keys) if count else np.zeros(0, dtype=np.int64)
    return History(
        x[order],
        utility[order],
        cost[order],
        failed[order],
        censored[order],
        order.astype(np.int64),
        OutcomeTable(asked, table[order]),
    )


def select_rows(priority: Array, budget: int) -> Indices:
    """Positions of at most `budget` of n rows: half with the highest `priority` (n,), half sampled from the rest.

    The sample is pseudo-random but fixed. It preserves the density of the data and close pairs, which determine the
    noise. Positions rise; ties go to the lower position.
    """
    count = len(priority)
    if count <= budget:
        return np.arange(count)
    order = np.argsort(-priority, kind="stable")
    top, rest = order[: budget // 2], order[budget // 2 :]
    spread = np.random.default_rng(count).permutation(len(rest))[: budget - len(top)]
    return np.sort(np.concatenate([top, rest[spread]]))
