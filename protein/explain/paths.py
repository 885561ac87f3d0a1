"""Simulated searches: possible futures of a search, drawn from the posterior. See protein.explain.outlook."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protein.analysis.calibration import Z80
from protein.arrays import Array, Mask
from protein.budget import Budget
from protein.models.cost import CONSTANT_SPREAD
from protein.models.model_set import Models
from protein.models.posterior import Posterior, gram
from protein.models.score import as_tensor
from protein.search.acquisition import Acquisition, Predictions
from protein.search.allowance import ASSUMED_SHARE, allow
from protein.search.candidates import row_keys
from protein.search.draw import SHARE_UCB, draw_outcome_levels
from protein.search.pool import Pool
from protein.search.proposal import allowed_rows, unique_rows
from protein.search.refinement import polish
from protein.settings import ProteinSettings
from protein.space import SearchSpace

REFINED = 8
"""Number of best candidates of each kind of gain that are refined."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated: `runs` runs besides the pending ones, `parallel` at a time.

    candidates: rows (m, dim), the pending runs last. open: (m,), those that a step may choose.
    """

    models: Models
    settings: ProteinSettings
    budget: Budget
    runs: int
    parallel: int
    pending: int
    candidates: Array
    open: Mask


@dataclass(frozen=True, slots=True)
class Paths:
    """The results of s paths, each (s, steps); the first steps are the pending runs.

    score: standardized, -inf for a run that fails, that does not reach a threshold, or that is not paid for. log_cost:
    natural logarithm, NaN if the cost is unknown. paid: whether the run takes place.
    """

    score: Array
    log_cost: Array
    paid: Mask


def plan(
    space: SearchSpace,
    settings: ProteinSettings,
    budget: Budget,
    pool: Pool,
    pending: Array,
    runs: int,
    parallel: int,
) -> Plan:
    """The plan with the candidates of a suggestion, also refined ones. pending: rows (p, dim)."""
    rows = unique_rows(np.concatenate([pool.rows, _refined(space, settings, pool)]))
    known = {*pool.measured, *row_keys(space.snap(pending))}
    is_open = np.array([key not in known for key in row_keys(rows)] + [False] * len(pending), dtype=bool)
    candidates = np.concatenate([rows, pending])
    return Plan(pool.models, settings, budget, runs, parallel, len(pending), candidates, is_open)


def _refined(space: SearchSpace, settings: ProteinSettings, pool: Pool) -> Array:
    """The best candidates of each kind of gain, refined (k, dim)."""
    models = pool.models
    thrift = 0.0 if models.cost.constant else ASSUMED_SHARE
    best = float(models.score.z.max(initial=0.0))
    found = []
    for kind in ("ei", "ucb"):
        acquisition = _acquisition(models, kind, torch.tensor([best], dtype=torch.float64), thrift, np.zeros(0))
        order = np.argsort(-acquisition.values_given(pool.known), kind="stable")[:REFINED]
        found.append(allowed_rows(space, polish(space, acquisition, pool.rows[order]), pool.constraints))
    return np.concatenate(found)


def _acquisition(models: Models, kind: str, incumbents: Tensor, thrift: float, outcome_levels: Array) -> Acquisition:
    pairs = zip(models.outcomes, outcome_levels, strict=False)
    targets = tuple((model, model.standardize(float(at))) for model, at in pairs if np.isfinite(at))
    posterior, cost, feasibility = models.score.posterior, models.cost, models.feasibility
    return Acquisition(posterior, cost, feasibility, incumbents, kind, None, targets, thrift)


class Process:
    """One Gaussian process at m candidates along s paths, whose results are drawn one after the other."""

    def __init__(self, mean: Tensor, covariance: Tensor, noise: float, paths: int, lag: int) -> None:
        """mean (m,), covariance (m, m), noise variance. lag: a result is known after so many further ones."""
        self._covariance, self._noise, self._lag = covariance, noise, lag
        self._paths = torch.arange(paths)
        self._all = mean.repeat(paths, 1)
        """Mean (s, m) given all results."""
        self.known = mean.repeat(paths, 1)
        """Mean (s, m) given the known ones."""
        self.variance = covariance.diagonal().repeat(paths, 1)
        """(s, m), without noise, given that all these results will be known."""
        self._weights: list[Tensor] = []
        self._waiting: list[Tensor] = []

    @classmethod
    def of(cls, posterior: Posterior, x: Tensor, paths: int, lag: int, units: tuple[float, float]) -> Process:
        """A posterior at rows of `x` (m, d), in other units: scale and shift."""
        scale, shift = units
        with torch.no_grad():
            at = x.to(posterior.device)
            half = posterior.whiten(at)
            mean = posterior.mean_given(at, half)[:, 0].cpu()
            covariance = (gram(posterior.model, at) - half.transpose(0, 1) @ half).cpu()
        return cls(mean * scale + shift, covariance * scale**2, posterior.model.noise * scale**2, paths, lag)

    def draw(self, chosen: Tensor, normals: Tensor) -> Tensor:
        """Results (s,) at the candidates `chosen` (s,), from standard normals (s,)."""
        at = self._paths, chosen
        column = self._covariance[chosen]
        for weights in self._weights:
            column -= weights * weights[at][:, None]
        spread = (column[at] + self._noise).clamp_min(1e-12).sqrt()
        weights = column / spread[:, None]
        result = self._all[at] + spread * normals
        change = weights * normals[:, None]
        self._weights.append(weights)
        self._waiting.append(change)
        self._all = self._all + change
        self.variance = (self.variance - weights.square()).clamp_min(0.0)
        if len(self._waiting) > self._lag:
            self.known = self.known + self._waiting.pop(0)
        return result


def simulate(plan: Plan, paths: int, rng: np.random.Generator) -> Paths:
    """That many paths."""
    walk = _Walk(plan, paths, rng)
    for step in range(plan.pending + plan.runs):
        walk.step(None if step >= plan.pending else len(plan.candidates) - plan.pending + step)
    least = _targets(plan.models, plan.models.history.outcomes.least)
    reached = np.stack([(values >= least).all(1) for values in walk.outcome_values], 1)
    score = np.where(reached, np.stack(walk.scores, 1), -np.inf)
    return Paths(score, np.stack(walk.log_costs, 1), np.stack(walk.paid, 1))


class _Walk:
    """Paths that advance together."""

    def __init__(self, plan: Plan, paths: int, rng: np.random.Generator) -> None:
        models, lag = plan.models, plan.parallel - 1
        self.plan, self.models, self.rng, self.paths = plan, models, rng, paths
        x = as_tensor(plan.candidates)
        self.score = Process.of(models.score.posterior, x, paths, lag, (1.0, 0.0))
        if models.cost.posterior is not None:
            scaling = models.cost.standardization
            self.cost = Process.of(models.cost.posterior, x, paths, lag, (scaling.scale, scaling.shift))
        else:
            constant = torch.full((len(x),), models.cost.constant_log_cost, dtype=torch.float64)
            self.cost = Process(
                constant, torch.zeros(len(x), len(x), dtype=torch.float64), CONSTANT_SPREAD**2, paths, lag
            )
        with torch.no_grad():
            self.log_success = models.feasibility.log_probability(x)
            self.outcomes = {model: model.moments(x) for model in models.outcomes}
        self.free = torch.tensor(plan.open).repeat(paths, 1)
        self.scores: list[Array] = []
        self.log_costs: list[Array] = []
        self.outcome_values: list[Array] = []
        self.paid: list[Mask] = []
        self.spent = np.zeros(paths)

    def step(self, pending: int | None) -> None:
        """One more run on each path: that candidate, or the best one."""
        with torch.no_grad():
            chosen, paid = self._choose() if pending is None else (torch.full((self.paths,), pending), None)
            normals = torch.tensor(self.rng.standard_normal((2 + len(self.outcomes), self.paths)))
            works = torch.tensor(self.rng.random(self.paths)) < self.log_success[chosen].exp()
            score = self.score.draw(chosen, torch.where(works, normals[0], 0.0)).numpy()
            log_cost = self.cost.draw(chosen, normals[1]).numpy()
        took_place = np.ones(self.paths, dtype=bool) if paid is None else paid
        self.spent = self.spent + np.where(took_place, np.exp(np.minimum(log_cost, 700.0)), 0.0)
        self.free[torch.arange(self.paths), chosen] = False
        self.outcome_values.append(self._outcome_values(chosen, normals[2:]))
        self.scores.append(np.where(works.numpy() & took_place, score, -np.inf))
        self.log_costs.append(log_cost)
        self.paid.append(took_place)

    def _outcome_values(self, chosen: Tensor, normals: Tensor) -> Array:
        """Standardized values (s, k) of the outcomes of these runs; they are drawn independently of earlier ones."""
        values = [
            mean[chosen] + torch.hypot(sd[chosen], torch.tensor(model.posterior.model.noise).sqrt()) * normal
            for (model, (mean, sd)), normal in zip(self.outcomes.items(), normals, strict=True)
        ]
        return torch.stack(values, 1).numpy() if values else np.zeros((self.paths, 0))

    def _choose(self) -> tuple[Tensor, Mask]:
        """The candidate with the highest acquisition on each path (s,), and whether it is payable."""
        models, plan = self.models, self.plan
        log_cost, log_sd = self.cost.known, self.cost.variance.sqrt()
        outcome_levels = draw_outcome_levels(models.history, self.rng)
        allowance = allow(plan.budget, models.history, len(self.scores), float(np.median(self.spent)))
        thrift = 0.0 if models.cost.constant else allowance.thrift
        shifted = self.score.known - torch.tensor(self._incumbents(outcome_levels))[:, None]
        ucb = torch.tensor(self.rng.random(self.paths) < _ucb_share(plan.settings))
        values = torch.empty_like(shifted)
        for kind, group in (("ucb", ucb), ("ei", ~ucb)):
            if group.any():
                acquisition = _acquisition(models, kind, torch.zeros(1).double(), thrift, outcome_levels)
                at = self._predictions(
                    shifted[group], self.score.variance[group].sqrt(), log_cost[group], log_sd[group]
                )
                values[group] = acquisition.combine(at).reshape(-1, values.shape[1])
        return self._best(values, log_cost + Z80 * torch.hypot(log_sd, torch.tensor(models.cost.noise_sd)))

    def _best(self, values: Tensor, upper: Tensor) -> tuple[Tensor, Mask]:
        left = self._left()
        if np.isfinite(left).any():
            payable = upper <= torch.tensor(np.log(np.maximum(left, 1e-300)))[:, None]
        else:
            payable = torch.ones_like(values, dtype=torch.bool)
        limit = self.plan.settings.max_suggestion_cost
        if limit is not None and self.models.cost.known:
            cheap = self.cost.known <= math.log(limit)
            values = torch.where(cheap | ~cheap.any(1, keepdim=True), values, -torch.inf)
        values = torch.where(self.free | ~self.free.any(1, keepdim=True), values, -torch.inf)
        return torch.where(payable, values, -torch.inf).argmax(1), payable.any(1).numpy()

    def _left(self) -> Array:
        """What the budget leaves for one more run on each path (s,); inf without a limit."""
        budget = self.plan.budget
        if not budget.limits_cost:
            return np.full(self.paths, np.inf)
        total = budget.left_of_cost(self.models.history.spent)
        rest = np.inf if total is None else total - self.spent
        return np.minimum(rest, np.inf if budget.run_cost is None else budget.run_cost) + np.zeros(self.paths)

    def _predictions(self, mean: Tensor, sd: Tensor, log_cost: Tensor, log_sd: Tensor) -> Predictions:
        """Of some paths, one after the other."""

        def repeat(values: Tensor) -> Tensor:
            return values.repeat(len(mean))

        outcomes = {model: (repeat(at), repeat(spread)) for model, (at, spread) in self.outcomes.items()}
        score = mean.reshape(-1, 1), sd.reshape(-1).clamp_min(1e-6)
        return Predictions(score, (log_cost.reshape(-1), log_sd.reshape(-1)), repeat(self.log_success), outcomes)

    def _incumbents(self, outcome_levels: Array) -> Array:
        """The score to improve on, on each path (s,): the best one within the levels whose result is known."""
        history, z = self.models.history, self.models.score.z
        within = history.outcomes.reach(outcome_levels)[history.scored]
        best = np.full(self.paths, z[within].max(initial=-np.inf))
        known = max(len(self.scores) - self.plan.parallel + 1, 0)
        targets = _targets(self.models, outcome_levels)
        for score, values in zip(self.scores[:known], self.outcome_values, strict=False):
            best = np.maximum(best, np.where((values >= targets).all(1), score, -np.inf))
        return np.where(np.isfinite(best), best, z.min(initial=0.0))


def _targets(models: Models, levels: Array) -> Array:
    """The levels (k,) of the outcomes, standardized."""
    pairs = zip(models.outcomes, levels, strict=True)
    return np.array([model.standardize(float(at)) if np.isfinite(at) else -np.inf for model, at in pairs])


def _ucb_share(settings: ProteinSettings) -> float:
    return {"ei": 0.0, "ucb": 1.0}.get(settings.acquisition, SHARE_UCB)
