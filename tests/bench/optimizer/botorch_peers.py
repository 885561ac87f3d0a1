"""Adapters of BoTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.bench.optimizer.peer import Peer
from tests.bench.optimizer.space import Array, Params


class BoTorchLogEI(Peer):
    """BoTorch's SingleTaskGP under log expected improvement, after a Sobol start-up design."""

    restarts, raw = 4, 128

    def setup(self) -> None:
        from scipy.stats.qmc import Sobol

        self.sobol = Sobol(len(self.space), scramble=True, seed=self.seed)
        self.n_init = max(5, len(self.space) + 1)
        self.asked = 0
        self.x: list[Array] = []
        self.y: list[float] = []
        self.costs: list[float] = []
        self.pending: list[Array] = []

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        unit = self.space.to_unit(params)
        self.pending = [p for p in self.pending if not np.allclose(p, unit)]
        told = self.impute(score, is_failure)
        if told is not None:
            self.x.append(unit)
            self.y.append(told)
            self.costs.append(cost)

    def acquisition(self, model: Any, x: Any, y: Any, pending: Any) -> Any:
        """The acquisition function, pending points (p, d) integrated out."""
        from botorch.acquisition import LogExpectedImprovement
        from botorch.acquisition.logei import qLogExpectedImprovement

        if pending is None:
            return LogExpectedImprovement(model, best_f=y.max())
        return qLogExpectedImprovement(model, best_f=y.max(), X_pending=pending)

    def suggest(self, n: int) -> list[dict[str, Any]]:
        return [self.one() for _ in range(n)]

    def one(self) -> dict[str, Any]:
        """One suggestion, pending from now on."""
        import torch
        from botorch.optim import optimize_acqf

        self.asked += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.asked < self.n_init or len(self.y) < 3 or np.ptp(self.y) == 0:
                params = self.space.from_unit(self.sobol.random(1)[0])
            else:
                x = torch.tensor(np.array(self.x), dtype=torch.double)
                y = torch.tensor(self.y, dtype=torch.double)[:, None]
                pending = torch.tensor(np.array(self.pending), dtype=torch.double) if self.pending else None
                best, _ = optimize_acqf(
                    self.acquisition(fitted(x, y), x, y, pending),
                    bounds=torch.stack([torch.zeros(len(self.space)), torch.ones(len(self.space))]).double(),
                    q=1,
                    num_restarts=self.restarts,
                    raw_samples=self.raw,
                    options={"maxiter": 100},
                )
                params = self.space.from_unit(best[0].numpy())
        self.pending.append(self.space.to_unit(params))
        return params


class BoTorchEIPerSecond(BoTorchLogEI):
    """Expected improvement per expected second (Snoek et al. 2012), by a SingleTaskGP of the log cost."""

    def acquisition(self, model: Any, x: Any, y: Any, pending: Any) -> Any:
        """Raises NotImplementedError with pending runs."""
        import torch
        from botorch.acquisition import AcquisitionFunction

        if pending is not None:
            raise NotImplementedError("ei-per-second: use it without pending runs")
        improvement = super().acquisition(model, x, y, pending)
        cost = fitted(x, torch.tensor(self.costs, dtype=torch.double).log()[:, None])

        class PerSecond(AcquisitionFunction):
            def forward(self, X: Any) -> Any:
                return improvement(X) - cost.posterior(X).mean.squeeze(-1).squeeze(-1)

        return PerSecond(model)


def fitted(x: Any, y: Any) -> Any:
    """BoTorch's default process of y (n, 1) at x (n, d) in the unit box."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    model = SingleTaskGP(x, y)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model
