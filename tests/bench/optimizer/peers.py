"""One ask-and-tell adapter for each optimizer, all of them from PyPI, and the slot for ours.

Protocol::

    opt = cls(space_spec, seed=0, goal="maximize", max_cost=float, cost_param=str | None, budget=float | None, runs=int)
    opt.suggest(n)                                # n new suggestions; earlier ones may be pending; fewer: it is done
    opt.observe(params, score, cost, is_failure)  # in any order; the score is NaN when it failed

Libraries are imported inside the adapters, so that a missing one disables its own peer only.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import random
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.bench.optimizer.space import Array, Params, space_of

OURS = "tests.bench.ours:OursProtein"


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


class RandomSearch(Peer):
    """Uniform."""

    def suggest(self, n: int) -> list[dict[str, Any]]:
        return [self.space.sample(self.rng) for _ in range(n)]

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        pass


class SobolSearch(RandomSearch):
    """A scrambled Sobol sequence."""

    def setup(self) -> None:
        from scipy.stats.qmc import Sobol

        self.sobol = Sobol(len(self.space), scramble=True, seed=self.seed)

    def suggest(self, n: int) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [self.space.from_unit(u) for u in self.sobol.random(n)]


class Optuna(Peer):
    """A sampler of Optuna, in coordinates."""

    def sampler(self, optuna: Any) -> Any:
        """The sampler."""
        raise NotImplementedError

    def setup(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self.optuna = optuna
        self.study = optuna.create_study(direction=self.goal, sampler=self.sampler(optuna))
        self.dists: dict[str, Any] = {}
        self.open: dict[tuple[float, ...], list[Any]] = {}
        for d in self.space.dims:
            lo, hi = d.bounds
            if d.distribution == "choice":
                self.dists[d.name] = optuna.distributions.CategoricalDistribution(range(round(hi) + 1))
            elif d.is_int:
                self.dists[d.name] = optuna.distributions.IntDistribution(round(lo), round(hi))
            else:
                self.dists[d.name] = optuna.distributions.FloatDistribution(lo, hi)

    def suggest(self, n: int) -> list[dict[str, Any]]:
        out = []
        for _ in range(n):
            trial = self.study.ask(self.dists)
            params = {d.name: d.value(trial.params[d.name]) for d in self.space.dims}
            self.open.setdefault(params_key(params), []).append(trial)
            out.append(params)
        return out

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        told = self.impute(score, is_failure)
        waiting = self.open.get(params_key(params))
        if waiting:
            trial = waiting.pop(0)
            if told is None:
                self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
            else:
                self.study.tell(trial, told)
        elif told is not None:
            coords: dict[str, float] = {}
            for d in self.space.dims:
                lo, hi = d.bounds
                coord = round(d.coord(params[d.name])) if d.is_int else d.coord(params[d.name])
                coords[d.name] = min(max(coord, lo), hi)
            self.study.add_trial(self.optuna.trial.create_trial(params=coords, distributions=self.dists, value=told))


class OptunaTPE(Optuna):
    """Tree-structured Parzen estimators."""

    def sampler(self, optuna: Any) -> Any:
        return optuna.samplers.TPESampler(seed=self.seed, multivariate=True, constant_liar=True)


class OptunaGP(Optuna):
    """A Gaussian process with log expected improvement."""

    def sampler(self, optuna: Any) -> Any:
        return optuna.samplers.GPSampler(seed=self.seed)


class OptunaCMA(Optuna):
    """CMA-ES."""

    def sampler(self, optuna: Any) -> Any:
        return optuna.samplers.CmaEsSampler(seed=self.seed)


class Asha(RandomSearch):
    """Asynchronous successive halving over the cost dial (Li et al. 2020). Without a dial: random search.

    Each rung has three times the dial of the one below. A configuration that is in the best third of its rung is
    trained again from scratch at the next one, since the tasks keep no checkpoints.
    """

    def setup(self) -> None:
        self.rungs: list[float] = []
        self.results: dict[float, dict[tuple[float, ...], tuple[float, dict[str, Any]]]] = {}
        self.promoted: set[tuple[float, ...]] = set()
        if self.cost_param is not None:
            dial = self.space.dims[self.space.names.index(self.cost_param)]
            tops = [dial.max / 3**k for k in range(5)]
            self.rungs = sorted({float(dial.value(dial.coord(top))) for top in tops if top >= dial.min})
            self.results = {rung: {} for rung in self.rungs}

    def suggest(self, n: int) -> list[dict[str, Any]]:
        return [self._promotion() or self._fresh() for _ in range(n)]

    def _fresh(self) -> dict[str, Any]:
        params = self.space.sample(self.rng)
        return self._at(params, self.rungs[0]) if self.rungs else params

    def _promotion(self) -> dict[str, Any] | None:
        for rung, higher in reversed(list(zip(self.rungs, self.rungs[1:], strict=False))):
            ranked = sorted(self.results[rung].items(), key=lambda item: -item[1][0])
            for key, (_, params) in ranked[: len(ranked) // 3]:
                if key not in self.promoted:
                    self.promoted.add(key)
                    return self._at(params, higher)
        return None

    def _at(self, params: Params, rung: float) -> dict[str, Any]:
        assert self.cost_param is not None
        return {**params, self.cost_param: type(params[self.cost_param])(rung)}

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        rung = params[self.cost_param] if self.cost_param is not None else None
        if rung in self.results and not is_failure:
            self.results[rung][params_key(params)] = score, dict(params)


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
        self.pending: list[Array] = []

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        unit = self.space.to_unit(params)
        self.pending = [p for p in self.pending if not np.allclose(p, unit)]
        told = self.impute(score, is_failure)
        if told is not None:
            self.x.append(unit)
            self.y.append(told)

    def acquisition(self, model: Any, y: Any, pending: Any) -> Any:
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
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        self.asked += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.asked < self.n_init or len(self.y) < 3 or np.ptp(self.y) == 0:
                params = self.space.from_unit(self.sobol.random(1)[0])
            else:
                x = torch.tensor(np.array(self.x), dtype=torch.double)
                y = torch.tensor(self.y, dtype=torch.double)[:, None]
                pending = torch.tensor(np.array(self.pending), dtype=torch.double) if self.pending else None
                model = SingleTaskGP(x, y)
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
                best, _ = optimize_acqf(
                    self.acquisition(model, y, pending),
                    bounds=torch.stack([torch.zeros(len(self.space)), torch.ones(len(self.space))]).double(),
                    q=1,
                    num_restarts=self.restarts,
                    raw_samples=self.raw,
                    options={"maxiter": 100},
                )
                params = self.space.from_unit(best[0].numpy())
        self.pending.append(self.space.to_unit(params))
        return params


class Ours(Peer):
    """Protein, by its adapter; OURS=module:Class or OURS=path/to/file.py:Class in the environment names another one."""

    def setup(self) -> None:
        where, _, name = os.environ.get("OURS", OURS).rpartition(":")
        if where.endswith(".py"):
            spec = importlib.util.spec_from_file_location("ours", where)
            if spec is None or spec.loader is None:
                raise RuntimeError(f"OURS: {where} cannot be loaded")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(where)
        options = {"seed": self.seed, "goal": self.goal, "max_cost": self.max_cost, "cost_param": self.cost_param}
        self.opt = getattr(module, name)(self.spec, **options, budget=self.budget, runs=self.runs)

    def suggest(self, n: int) -> list[dict[str, Any]]:
        suggestions: list[dict[str, Any]] = self.opt.suggest(n)
        return suggestions

    def observe(self, params: Params, score: float, cost: float, is_failure: bool) -> None:
        self.opt.observe(params, score, cost, is_failure)


PEERS: dict[str, type[Peer]] = {
    "ours": Ours,
    "random": RandomSearch,
    "sobol": SobolSearch,
    "tpe": OptunaTPE,
    "cma": OptunaCMA,
    "optuna-gp": OptunaGP,
    "asha": Asha,
    "logei": BoTorchLogEI,
}
