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
import os
import warnings
from typing import Any

from tests.bench.optimizer.botorch_peers import BoTorchEIPerSecond, BoTorchLogEI
from tests.bench.optimizer.peer import Peer, params_key
from tests.bench.optimizer.space import Params

OURS = "tests.bench.ours:OursProtein"


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
    "ei-per-second": BoTorchEIPerSecond,
}
