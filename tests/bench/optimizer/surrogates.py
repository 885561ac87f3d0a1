"""Surrogates of real trainings with real training seconds, from YAHPO Gym (Pfisterer et al. 2022, arXiv 2109.03670).

BENCH_SURROGATES names the directory that contains `rbv2_xgboost` and `rbv2_rpart`, each with model.onnx and
encoding.json. Download them from https://github.com/slds-lmu/yahpo_data (v1.0.2, Apache-2.0). They were fitted on
trainings of XGBoost and rpart on OpenML data sets (Binder et al. 2020), whose ids end the names of the tasks:

    xgb-ID       ten parameters of XGBoost with trees; nrounds dials the cost
    boosters-ID  also the choice of the booster, on which parameters depend
    rpart-ID     a decision tree: integers, and the share of the data as a linear dial

The search centers are the defaults of YAHPO Gym, the middle of most ranges. XGBoost's own defaults would be so good on
these data sets that little is left to search for.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.optimizer.space import Array, Dim, Params, Space

TUNE = ["xgb-12", "xgb-1501", "xgb-16", "xgb-40499", "rpart-1489", "boosters-1067"]
REPORT = ["xgb-6", "xgb-182", "xgb-1494", "xgb-40979", "rpart-41146", "boosters-40981"]
NAMES = TUNE + REPORT
SCORE, SECONDS = 0, 6
"""Columns of the output: accuracy and training seconds."""
LEAST_SECONDS = 0.01
BOOSTERS = ("gbtree", "dart", "gblinear")
TREES, DART = ("booster", (0, 1)), ("booster", (1,))

_COMMON = (
    Dim("nrounds", "int_log_normal", 7, 2981, 144),
    Dim("lambda", "log_normal", 9.118819655545162e-4, 1096.6331584284585, 1.0),
    Dim("alpha", "log_normal", 9.118819655545162e-4, 1096.6331584284585, 1.0),
    Dim("subsample", "uniform", 0.1, 1.0, 0.55),
)


def _trees(when: tuple[str, tuple[int, ...]] | None) -> tuple[Dim, ...]:
    return (
        Dim("eta", "log_normal", 9.118819655545162e-4, 1.0, 0.0301973834, when=when),
        Dim("gamma", "log_normal", 4.5399929762484854e-5, 7.38905609893065, 0.0183156389, when=when),
        Dim("max_depth", "int_uniform", 1, 15, 8, when=when),
        Dim("min_child_weight", "log_normal", 2.718281828459045, 148.4131591025766, 20.0855369232, when=when),
        Dim("colsample_bytree", "uniform", 0.01, 1.0, 0.505, when=when),
        Dim("colsample_bylevel", "uniform", 0.01, 1.0, 0.505, when=when),
    )


_DART = (Dim("rate_drop", "uniform", 0.0, 1.0, 0.5, when=DART), Dim("skip_drop", "uniform", 0.0, 1.0, 0.5, when=DART))
_XGB_INPUTS = (
    *("nrounds", "eta", "gamma", "lambda", "alpha", "subsample", "max_depth", "min_child_weight"),
    *("colsample_bytree", "colsample_bylevel", "rate_drop", "skip_drop", "trainsize", "repl"),
)


@dataclass(frozen=True)
class Kind:
    """A family of tasks: directory, parameters, cost dial and the order of the model's inputs."""

    directory: str
    space: Space
    dial: str
    full: float
    """The dial of a full training, of which the budget is a multiple."""
    inputs: tuple[str, ...]
    categories: tuple[str, ...]


KINDS = {
    "xgb": Kind(
        "rbv2_xgboost", Space([*_COMMON, *_trees(None)]), "nrounds", 2981, _XGB_INPUTS,
        ("task_id", "booster", "num.impute.selected.cpo"),
    ),
    "boosters": Kind(
        "rbv2_xgboost", Space([Dim("booster", "choice", 0, 2, 2), *_COMMON, *_trees(TREES), *_DART]), "nrounds", 2981,
        _XGB_INPUTS, ("task_id", "booster", "num.impute.selected.cpo"),
    ),
    "rpart": Kind(
        "rbv2_rpart",
        Space(
            [
                Dim("cp", "log_normal", 9.118819655545162e-4, 1.0, 0.01),
                Dim("maxdepth", "int_uniform", 1, 30, 30),
                Dim("minbucket", "int_uniform", 1, 100, 1),
                Dim("minsplit", "int_uniform", 1, 100, 20),
                Dim("trainsize", "uniform", 0.03, 1.0, 0.525),
            ]
        ),
        "trainsize", 1.0, ("cp", "maxdepth", "minbucket", "minsplit", "trainsize", "repl"),
        ("task_id", "num.impute.selected.cpo"),
    ),
}  # fmt: skip


class Surrogate:
    """One data set of one model."""

    def __init__(self, kind: Kind, data: str, directory: Path) -> None:
        self._session, self._codes = _model(directory / kind.directory)
        self._kind, self._data = kind, data
        self.space, self.dial, self.full = kind.space, kind.dial, kind.full

    def predict(self, points: Sequence[Params]) -> Array:
        """Score and log-seconds (m, 2)."""
        rows = [self._row(params) for params in points]
        categories = np.array([codes for codes, _ in rows], dtype=np.int32)
        numbers = np.array([values for _, values in rows], dtype=np.float32)
        out = self._session.run(None, {"x_cat": categories, "x_cont": numbers})[0].astype(np.float64)
        return np.column_stack([out[:, SCORE], np.log(np.maximum(out[:, SECONDS], LEAST_SECONDS))])

    def _row(self, params: Params) -> tuple[list[int], list[float]]:
        booster = int(params.get("booster", 0))
        texts = {"booster": BOOSTERS[booster], "num.impute.selected.cpo": "impute.mean", "task_id": self._data}
        values = {"trainsize": 1.0, "repl": 10.0}
        for dim in self.space.dims:
            active = dim.when is None or booster in dim.when[1]
            values[dim.name] = float(params[dim.name]) if active else 0.0
        codes = [self._codes[name][texts[name]] for name in self._kind.categories]
        return codes, [values.get(name, 0.0) for name in self._kind.inputs]


def load(name: str) -> Surrogate:
    """The surrogate of a task. Raises RuntimeError without BENCH_SURROGATES."""
    directory = os.environ.get("BENCH_SURROGATES")
    if not directory:
        raise RuntimeError(f"{name}: set BENCH_SURROGATES to the directory of the surrogates; see {__name__}")
    kind, _, data = name.partition("-")
    return Surrogate(KINDS[kind], data, Path(directory))


@functools.cache
def _model(directory: Path) -> tuple[Any, dict[str, dict[str, int]]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(directory / "model.onnx", options)
    codes: dict[str, dict[str, int]] = json.loads((directory / "encoding.json").read_text())
    return session, codes
