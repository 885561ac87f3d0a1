"""Tasks of the benchmark of learning curves: what a run of any configuration would have reported and cost.

Extremely randomized trees without bootstrap interpolate between the recorded trainings: at a recorded configuration the
curve is the recorded one. A score that is not finite counts as the worst score at its epoch.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.curves.train import DATA, grid_of
from tests.bench.curves.trainings import TRAININGS, Params
from tests.bench.optimizer.space import Array, Space

FIXED = "-fixed"
"""Suffix of a task whose runs all have the full number of epochs: its space has no cost dial."""


@dataclass(frozen=True)
class Run:
    """Reports of a complete run: epochs, scores and seconds (k,), the last ones at its end."""

    epochs: Array
    scores: Array
    seconds: Array


class Task:
    """The table of one training."""

    def __init__(self, name: str) -> None:
        self.name, self.fixed = name, name.endswith(FIXED)
        training = TRAININGS[name.removesuffix(FIXED)]
        dims = training.space.dims
        self.space = Space(dims[:-1]) if self.fixed else training.space
        self.dial = None if self.fixed else dims[-1].name
        self.full, self._dims = training.epochs, Space(dims[:-1])
        table = np.load(DATA / f"{training.name}.npz")
        self.grid = np.array(grid_of(self.full), dtype=np.float64)
        scores, seconds = table["scores"].astype(np.float64), table["seconds"].astype(np.float64)
        worst = np.nanmin(np.where(np.isfinite(scores), scores, np.nan), axis=0)
        self._scores = np.where(np.isfinite(scores), scores, worst)
        # A training that was cut would have gone on at the same rate.
        last = np.isfinite(seconds).sum(axis=1) - 1
        rows = np.arange(len(seconds))
        rest = seconds[rows, last, None] * self.grid / self.grid[last, None]
        self._seconds = np.log(np.maximum(np.where(np.isfinite(seconds), seconds, rest), 1e-6))
        self._unit = table["unit"].astype(np.float64)
        self.budget = (36.0 if self.fixed else 20.0) * float(np.exp(np.median(self._seconds[:, -1])))

    @functools.cached_property
    def _model(self) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        model = ExtraTreesRegressor(60, min_samples_leaf=1, random_state=0, n_jobs=1)
        return model.fit(self._unit, np.concatenate([self._scores, self._seconds], axis=1))

    def run(self, params: Params) -> Run:
        """The reports of a run, from the first epoch to the last."""
        end = self.full if self.dial is None else int(params[self.dial])
        values = self._model.predict(self._dims.to_unit(params)[None])[0]
        epochs = np.array([*self.grid[self.grid < end], float(end)])
        scores, seconds = (np.interp(np.log(epochs), np.log(self.grid), part) for part in np.split(values, 2))
        return Run(epochs, scores, np.exp(seconds))

    @functools.cached_property
    def reference(self) -> dict[str, Any]:
        """Best, median and first-decile score of the recorded trainings, extremes of the cost, and the ideal front."""
        ends = self._scores[:, -1]
        costs = np.exp(self._seconds[:, -1:] if self.fixed else self._seconds)
        scores = self._scores[:, -1:] if self.fixed else self._scores
        order = np.argsort(costs.ravel(), kind="stable")
        best = np.maximum.accumulate(scores.ravel()[order])
        front = np.column_stack([np.log(costs.ravel()[order]), best])
        low, high = float(np.quantile(costs, 0.05)), float(np.quantile(costs, 0.95))
        return {
            "best": float(scores.max()), "median": float(np.median(ends)), "q10": float(np.quantile(ends, 0.1)),
            "min_cost": low, "max_cost": high, "front": front,
        }  # fmt: skip


def tasks_of(half: str, directory: Path = DATA) -> list[str]:
    """The tasks of a half whose tables exist, with and without a cost dial."""
    names = [name for name, t in TRAININGS.items() if t.half == half and (directory / f"{name}.npz").exists()]
    return [*names, *(name + FIXED for name in names)]
