"""The candidates of one history, with all that does not depend on the pending runs: computed once for a whole batch.

A suggestion adds the pending runs to the predictions here (`Pool.predictions`), and a few candidates of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array, Mask
from protein.history import History
from protein.models.model_set import Models
from protein.models.posterior import CHUNK, Joint, Posterior, root
from protein.search.acquisition import Moments, Predictions
from protein.search.allowance import Allowance
from protein.search.candidates import row_keys
from protein.space import SearchSpace

ANCHORS = 64
"""Number of best observed points that serve as anchors for the repair of candidates."""
MAX_PREDICTED = 2**23
"""Maximum number of elements of the largest array of a pool: 64 MB, however large the settings are."""


@dataclass(frozen=True, slots=True)
class CandidateConstraints:
    """The constraints that every suggestion must satisfy.

    allowed: tests flat parameters. anchors: rows (k, dim) that satisfy the constraints.
    """

    allowed: Callable[[Mapping[str, Any]], bool]
    anchors: Array


def candidate_constraints(
    space: SearchSpace,
    history: History,
    allowed: Callable[[Mapping[str, Any]], bool],
    any_allowed: Callable[[set[Hashable], Sequence[int]], Mapping[str, Any]],
) -> CandidateConstraints:
    """The constraints with the best observed points that satisfy them as anchors, or one of `any_allowed`."""
    best = np.argsort(-np.nan_to_num(history.utility, nan=-np.inf), kind="stable")[:ANCHORS]
    known = [*history.x[best], space.center_unit]
    passing = [row for row in space.snap(np.array(known)) if allowed(space.decode(row))]
    return CandidateConstraints(allowed, np.array(passing or [space.encode(any_allowed(set(), [len(history)]))]))


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates `rows` (m, dim), each once, which satisfy the constraints, and the models there.

    keys: their positions by identity. measured: identities of all measured points; observed: (m,), those among `rows`.
    whitened: L^-1 k(x) of the score's posterior (n, m), on its device, like `x` (m, dim), and its mean (m, 1) and
    variance (m,).
    """

    models: Models
    rows: Array
    keys: dict[bytes, int]
    measured: set[bytes]
    observed: Mask
    x: Tensor
    whitened: Tensor
    mean: Tensor
    variance: Tensor
    known: Predictions
    constraints: CandidateConstraints | None
    _cross: dict[bytes, Tensor] = field(default_factory=dict)

    @property
    def log_cost(self) -> tuple[Array, Array]:
        """Mean and standard deviation of the log-cost, (m,) each."""
        mean, sd = self.known.log_cost
        return mean.numpy(), sd.numpy()

    def predictions(self, score: Posterior) -> Predictions:
        """The models; that of the score is `score`, the posterior of the pool or one that is based on it."""
        if score.added is None:
            return self.known
        with torch.no_grad():
            mean, sd = score.from_base(self.mean, self.variance, self._covariances(score.added))
        known = self.known
        return Predictions((mean.cpu(), sd.cpu()), known.log_cost, known.log_success, known.outcomes)

    def _covariances(self, pending: Joint) -> Tensor:
        """Covariances (p, m) between the pending rows and the candidates; remembered, and computed row by row.

        Row by row, because BLAS may round a row differently beside other rows.
        """
        keys = [row.tobytes() for row in pending.x.cpu().numpy()]
        for i, key in enumerate(keys):
            if key not in self._cross:
                # copies, because sums over unaligned memory can differ in the last bit
                row, half = pending.x[i : i + 1].clone(), pending.half[:, i].clone()
                self._cross[key] = pending.posterior.model.covariance(row, self.x)[0] - half @ self.whitened
        for key in self._cross.keys() - set(keys):
            del self._cross[key]
        return torch.stack([self._cross[key] for key in keys])

    def positions(self, keys: set[bytes]) -> list[int]:
        """The candidates with one of the `keys`."""
        return [self.keys[key] for key in keys if key in self.keys]


@dataclass(frozen=True, slots=True)
class Turn:
    """What differs between suggestions from the same history.

    pending: rows (p, dim), sorted. fallback: returns a flat point that satisfies the constraints, for use when no
    candidate is left; raises SearchSpaceInfeasible. fantasy_rng: generator of the fantasies of pending runs.
    """

    pending: Array
    fallback: Callable[[], Mapping[str, Any]]
    allowance: Allowance
    rng: np.random.Generator
    fantasy_rng: np.random.Generator


def predict_pool(models: Models, rows: Array, measured: set[bytes], constraints: CandidateConstraints | None) -> Pool:
    """The pool of different `rows` (m, dim). measured: identities of the measured points."""
    score, keys = models.score.posterior, row_keys(rows)
    x = torch.tensor(rows)
    at = x.to(score.device)
    with torch.no_grad():
        whitened = torch.cat([score.whiten(part) for part in torch.split(at, CHUNK)], 1)
        mean, variance = score.from_whitened(at, whitened)
        success = [models.feasibility.log_probability(part) for part in torch.split(x, CHUNK)]
        outcomes = {m: _joined([m.moments(part) for part in torch.split(x, CHUNK)]) for m in models.outcomes}
        cost = _joined([models.cost.log_cost(part) for part in torch.split(x, CHUNK)])
    return Pool(
        models,
        rows,
        {key: i for i, key in enumerate(keys)},
        measured,
        np.array([key in measured for key in keys], dtype=bool),
        at,
        whitened,
        mean,
        variance,
        Predictions((mean.cpu(), root(variance).cpu()), cost, torch.cat(success), outcomes),
        constraints,
    )


def _joined(parts: list[Moments]) -> Moments:
    return torch.cat([mean for mean, _ in parts]), torch.cat([sd for _, sd in parts])
