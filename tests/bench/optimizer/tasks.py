"""Benchmark tasks: synthetic functions, a cost-aware scaling law, a tabulated real training, and surrogates of others.

A task maps parameters to an Outcome. All scores are maximized; `true_score`, free of noise, is for reporting only.
Formulas, data and the order in which random numbers are drawn stay as they are: stored runs are compared with new ones.
"""

from __future__ import annotations

import functools
import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.optimizer import functions, surrogates
from tests.bench.optimizer.space import Array, Dim, Params, Space

DATA = Path(__file__).resolve().parent / "data"


@dataclass
class Outcome:
    """One evaluation."""

    score: float  # observed; NaN when the run failed
    cost: float
    is_failure: bool
    true_score: float
    true_cost: float


@dataclass
class Task:
    """What is optimized; subclasses say how. `ref`: reference values, computed once with many evaluations."""

    name: str
    family: str  # synthetic | cost | ml
    space: Space
    noise: float = 0.0  # standard deviation of the score noise
    cost_noise: float = 0.0  # standard deviation of the log-cost noise
    cost_param: str | None = None  # parameter that dials the cost, if one does

    def truth(self, params: Params) -> tuple[float, float, float]:
        """(score, cost, probability of failure), free of noise."""
        raise NotImplementedError

    def evaluate(self, params: Params, rng: np.random.Generator) -> Outcome:
        """One measurement. `rng` belongs to the evaluation's index, so that every optimizer meets the same noise."""
        score, cost, p_fail = self.truth(params)
        e_score, e_cost, u_fail, frac = (rng.standard_normal(), rng.standard_normal(), rng.random(), rng.random())
        observed_cost = cost * math.exp(self.cost_noise * e_cost)
        if u_fail < p_fail:
            return Outcome(math.nan, observed_cost * (0.1 + 0.6 * frac), True, -math.inf, cost)
        return Outcome(score + self.noise * e_score, observed_cost, False, score, cost)

    @property
    def ref(self) -> dict[str, Any]:
        """Best, median and first-decile score, costs, budget and ideal front, from data/reference.json."""
        return reference()[self.name.removesuffix("-noisy")]

    @property
    def max_cost(self) -> float:
        """The largest cost a suggestion may have."""
        return 1.05 * float(self.ref["max_cost"])


@functools.cache
def reference() -> dict[str, Any]:
    """Reference values by task."""
    values: dict[str, Any] = json.loads((DATA / "reference.json").read_text())
    return values


# -- synthetic functions embedded in mixed distributions --------------------------------------------------------------

# name -> (function, (lo, hi) of each dimension, distributions). Domains are shifted so that neither the middle of the
# box nor the search center is the optimum.
_SYNTHETIC: dict[str, tuple[functions.Function, list[tuple[float, float]], str]] = {
    "branin2": (functions.branin, [(-5, 10), (0, 15)], "uniform log_normal"),
    "hartmann6": (functions.hartmann6, [(0, 1)] * 6, "uniform log_normal logit_normal uniform log_normal uniform"),
    "rosenbrock5": (functions.rosenbrock, [(-2, 2.5)] * 5, "uniform log_normal uniform logit_normal log_normal"),
    "ackley6": (functions.ackley, [(-8, 12)] * 6, "uniform log_normal int_uniform uniform uniform_pow2 log_normal"),
    "levy20": (functions.levy, [(-7, 10)] * 20, "uniform log_normal " * 10),
    "hartmann6in40": (functions.hidden_hartmann6, [(0, 1)] * 40, "uniform log_normal " * 20),
    "decaying40": (functions.decaying, [(-1, 2)] * 40, "uniform log_normal " * 20),
}
OPTIMA = {"ackley6": 0.0, "levy20": 0.0, "hartmann6in40": 3.3223680113671032, "decaying40": 0.0}
"""Best score of the functions whose optimum is known; the others were searched."""

# distribution -> (min, max); wide, as in real sweeps
_RANGES = {
    "uniform": (0.0, 5.0),
    "int_uniform": (1, 33),
    "uniform_pow2": (8, 4096),
    "log_normal": (1e-5, 1e-1),
    "logit_normal": (0.8, 0.9999),
}


class Synthetic(Task):
    """A known function; every evaluation costs 1."""

    def __init__(self, name: str, noisy: bool) -> None:
        fn, domain, dists = _SYNTHETIC[name]
        center = np.random.default_rng(zlib.crc32(name.encode())).uniform(0.25, 0.75, len(domain))
        dims = []
        for i, (dist, u) in enumerate(zip(dists.split(), center, strict=True)):
            lo, hi = _RANGES[dist]
            mean = Dim(f"p{i}", dist, lo, hi, lo).from_unit(u)
            dims.append(Dim(f"p{i}", dist, lo, hi, mean))
        super().__init__(name + ("-noisy" if noisy else ""), "synthetic", Space(dims))
        self.fn, self.lo, self.hi = fn, np.array(domain)[:, 0], np.array(domain)[:, 1]
        if noisy:
            # 5% of the spread between a median random point and the optimum
            self.noise = 0.05 * (self.ref["best"] - self.ref["median"])

    def truth(self, params: Params) -> tuple[float, float, float]:
        x = self.lo + (self.hi - self.lo) * self.space.to_unit(params)
        return -float(self.fn(x)), 1.0, 0.0


# -- a cost-aware task: saturating power laws of compute --------------------------------------------------------------


def _bump(z: float, width: float) -> float:
    return math.exp(-0.5 * (z / width) ** 2)


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-min(max(z, -40.0), 40.0)))


class RLScaling(Task):
    """Deep RL: score in [0, 1], cost in seconds of training; a learning rate far too high fails."""

    def __init__(self) -> None:
        space = Space(
            [
                Dim("steps", "log_normal", 3e6, 3e9, 3e7),
                Dim("learning_rate", "log_normal", 1e-5, 1e-1, 1e-3),
                Dim("gamma", "logit_normal", 0.8, 0.9999, 0.98),
                Dim("gae_lambda", "logit_normal", 0.2, 0.995, 0.9),
                Dim("ent_coef", "log_normal", 1e-5, 2e-1, 1e-2),
                Dim("minibatch", "uniform_pow2", 512, 65536, 4096),
                Dim("hidden", "uniform_pow2", 32, 1024, 128),
                Dim("epochs", "int_uniform", 1, 8, 2),
            ]
        )
        super().__init__("rl8", "cost", space, noise=0.015, cost_noise=0.05, cost_param="steps")

    def truth(self, p: Params) -> tuple[float, float, float]:
        lr, mb, width = math.log10(p["learning_rate"]), math.log2(p["minibatch"]), math.log2(p["hidden"])
        lr_best = -2.3 + 0.15 * (mb - 12) - 0.20 * (width - 7)
        q_lr = _bump(lr - lr_best, 0.55)
        q_gamma = _bump(math.log10(1 - p["gamma"]) + 2.15, 0.45)
        q_gae = _bump(math.log10(1 - p["gae_lambda"]) + 0.75, 0.55)
        q_ent = _bump(math.log10(p["ent_coef"]) + 2.6 - 0.25 * (width - 7), 0.8)
        ceiling = (1 - 0.45 * 2 ** (-0.55 * (width - 4))) * (0.35 + 0.65 * q_gamma) * (0.6 + 0.4 * q_ent)
        half_point = 2.0e7 * 2 ** (0.25 * (width - 7)) * (1 + 2 ** (mb - 13.5)) * (1 + 4 * (1 - q_gae))
        half_point *= 1 + 12 * (1 - q_lr)
        data = p["steps"] * p["epochs"] ** 0.45 / (1 + 0.03 * p["epochs"] ** 2)
        exponent = 0.55 + 0.75 * q_lr * (0.5 + 0.5 * q_gae)
        score = ceiling / (1 + (half_point / data) ** exponent)
        throughput = 3.0e6 / (1 + 2 ** (1.3 * (width - 7.5))) / (0.35 + 0.22 * p["epochs"]) / (1 + 2 ** (10.5 - mb))
        cost = 5 + p["steps"] / throughput
        p_fail = 0.02 + 0.9 * _sigmoid((lr - lr_best - 1.1) / 0.12)
        return score, cost, min(p_fail, 1.0)


# -- a real training on scikit-learn's digits -------------------------------------------------------------------------

ML_SPACES = {
    "mlp_digits": Space(
        [
            Dim("hidden", "uniform_pow2", 4, 128, 16),
            Dim("learning_rate", "log_normal", 1e-4, 1e-1, 1e-3),
            Dim("alpha", "log_normal", 1e-6, 1e0, 1e-4),
            Dim("batch", "uniform_pow2", 16, 256, 64),
            Dim("epochs", "int_uniform", 1, 16, 4),
            Dim("momentum", "logit_normal", 0.5, 0.99, 0.9),
        ]
    ),
}


class TabulatedML(Task):
    """Extremely randomized trees over a few thousand real trainings, whose table is in data/."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "ml", ML_SPACES[name], cost_noise=0.02)
        self.cost_param = "epochs"
        self._model: Any = None

    def _surrogate(self) -> Any:
        if self._model is None:
            from sklearn.ensemble import ExtraTreesRegressor

            table = np.load(DATA / f"{self.name}.npz")
            self.noise = float(table["noise"])
            self._model = ExtraTreesRegressor(60, min_samples_leaf=2, random_state=0, n_jobs=1)
            self._model.fit(table["unit"], np.column_stack([table["score"], table["log_cost"]]))
        return self._model

    def truth_many(self, units: Array) -> Array:
        """Score and log-cost (m, 2) at points (m, d) of the unit box."""
        values: Array = self._surrogate().predict(units)
        return values

    def truth(self, params: Params) -> tuple[float, float, float]:
        score, log_cost = self.truth_many(self.space.to_unit(params)[None])[0]
        return float(score), float(math.exp(log_cost)), 0.0

    def evaluate(self, params: Params, rng: np.random.Generator) -> Outcome:
        self._surrogate()  # sets the noise level
        return super().evaluate(params, rng)


# -- surrogates of real trainings -------------------------------------------------------------------------------------


class SurrogateTask(Task):
    """A network that predicts score and seconds of real trainings; see tests.bench.optimizer.surrogates."""

    def __init__(self, name: str) -> None:
        self.surrogate = surrogates.load(name)
        super().__init__(name, "cost", self.surrogate.space, 0.002, 0.05, self.surrogate.dial)

    def truth_many(self, units: Array) -> Array:
        """Score and log-seconds (m, 2) at points (m, d) of the unit box."""
        return self.surrogate.predict([self.space.from_unit(u) for u in units])

    def truth(self, params: Params) -> tuple[float, float, float]:
        score, log_seconds = self.surrogate.predict([params])[0]
        return float(score), math.exp(log_seconds), 0.0


# -- tasks with nothing to learn at first -----------------------------------------------------------------------------


class Needle(Task):
    """Six parameters of which a box of 3% of the volume works. Elsewhere the score is 0 (needle6) or the run fails."""

    HALF_WIDTH = 0.28

    def __init__(self, name: str) -> None:
        super().__init__(name, "needle", Space([Dim(f"p{i}", "uniform", 0.0, 1.0, 0.5) for i in range(6)]))
        self.at = np.random.default_rng(6).uniform(0.3, 0.7, 6)
        self.at[0] = 0.8  # the search center lies outside the box

    def truth(self, params: Params) -> tuple[float, float, float]:
        away = float(np.abs(self.space.to_unit(params) - self.at).max()) / self.HALF_WIDTH
        return max(1.0 - away, 0.0), 1.0, float(self.name == "failing6" and away > 1.0)

    @property
    def ref(self) -> dict[str, Any]:
        return {"best": 1.0, "median": 0.0, "q10": 0.0, "max_cost": 1.0}


SYNTHETIC = [name + noise for name in ("branin2", "hartmann6", "rosenbrock5", "ackley6") for noise in ("", "-noisy")]
WIDE = ["levy20", "hartmann6in40", "decaying40"]
COST = ["rl8", *surrogates.NAMES]
ML = list(ML_SPACES)
NEEDLE = ["needle6", "failing6"]
ALL = SYNTHETIC + WIDE + COST + ML + NEEDLE
GROUPS = {
    "synthetic": [n for n in SYNTHETIC if not n.endswith("-noisy")],
    "noisy": [n for n in SYNTHETIC if n.endswith("-noisy")],
    "wide": WIDE,
    "cost": ["rl8"],
    "ml": ML,
    "needle": NEEDLE,
    "core": ["hartmann6", "rosenbrock5-noisy", "rl8", "mlp_digits"],
    # Constants and defaults are chosen on the first half. Figures in the documentation are from the second one, with
    # other seeds.
    "tune": ["hartmann6", "rosenbrock5-noisy", "mlp_digits", "rl8", "hartmann6in40", "needle6"],
    "report": ["ackley6", "branin2-noisy", "levy20", "decaying40", "failing6"],
    "tune-seconds": surrogates.TUNE,
    "report-seconds": surrogates.REPORT,
    "all": ALL,
}


def expand(names: str) -> list[tuple[str, int]]:
    """Tasks and the number of runs kept pending, from comma-separated tasks or groups, each with @pending or without.

    Raises ValueError for an unknown name.
    """
    out: list[tuple[str, int]] = []
    for entry in names.split(","):
        name, _, pending = entry.partition("@")
        if name not in GROUPS and name not in ALL:
            raise ValueError(f"tasks: {name!r} is unknown; use one of {', '.join([*GROUPS, *ALL])}")
        out += [(task, int(pending or 1)) for task in GROUPS.get(name, [name])]
    return list(dict.fromkeys(out))


@functools.cache
def make(name: str) -> Task:
    """The task of a name."""
    base = name.removesuffix("-noisy")
    if base in _SYNTHETIC:
        return Synthetic(base, name.endswith("-noisy"))
    if name in ML_SPACES:
        return TabulatedML(name)
    if name in surrogates.NAMES:
        return SurrogateTask(name)
    return Needle(name) if name in NEEDLE else {"rl8": RLScaling}[name]()
