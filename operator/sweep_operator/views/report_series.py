"""Data series of the report's figures, from a Sweep and its runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from protein.searchspace.parameters import Parameter
from sweep_operator.api.model import Scalar
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun


@dataclass(frozen=True)
class Axis:
    """One axis of the parallel coordinates: position of each run, range, and tick labels by position."""

    label: str
    values: list[float]
    range: tuple[float, float]
    ticks: list[tuple[float, str]]


def scored_runs(runs: Sequence[SweepRun]) -> list[SweepRun]:
    """Runs with a score, in order of creation."""
    return [r for r in runs if r.succeeded and r.status.score is not None]


def failed_runs(runs: Sequence[SweepRun]) -> list[SweepRun]:
    """Runs that ended without a score. Early stopping is not a failure."""
    return [r for r in runs if r.failed and not r.pruned]


def pruned_runs(runs: Sequence[SweepRun]) -> list[SweepRun]:
    """Runs that early stopping ended."""
    return [r for r in runs if r.pruned]


def label(run: SweepRun) -> str:
    """The run's name as shown to users."""
    return run.status.run_name or run.name


def positions(runs: Sequence[SweepRun]) -> dict[str, int]:
    """Run name -> position on the horizontal axis: its index; manual runs follow the highest index."""
    last = max((r.spec.index for r in runs if r.spec.index is not None), default=-1)
    places = {}
    for run in runs:
        if run.spec.index is None:
            last += 1
        places[run.name] = last if run.spec.index is None else run.spec.index
    return places


def best_so_far(sweep: Sweep, runs: Sequence[SweepRun]) -> list[float]:
    """For each scored run, the best score up to and including it."""
    better = max if sweep.spec.goal == "maximize" else min
    return list(itertools.accumulate((run.status.score or 0.0 for run in scored_runs(runs)), better))


def parallel_axes(sweep: Sweep, runs: Sequence[SweepRun]) -> list[Axis]:
    """One axis per searched parameter, on its search scale; runs without the parameter are at "absent"."""
    return [
        axis(spec.parameter(path), [r.parameters.get(path) for r in runs])
        for path, spec in sweep.spec.parameters.items()
    ]


def short_labels(paths: Sequence[str]) -> dict[str, str]:
    """The last part of each path, extended until it is unique."""
    labels = {}
    for path in paths:
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            tail = ".".join(parts[-length:])
            if sum(p == tail or p.endswith("." + tail) for p in paths) == 1:
                break
        labels[path] = tail
    return labels


def axis(parameter: Parameter, values: Sequence[Scalar | None]) -> Axis:
    """The axis of one parameter with the runs' values; None is a run without the parameter."""
    path = parameter.path
    if parameter.values is not None:
        words = parameter.values
        place = {_key(word): float(i) for i, word in enumerate(words)}
        known = [None if v is None else place.get(_key(v)) for v in values]
        ticks = [(float(i), str(word)) for i, word in enumerate(words)]
        return _with_absent(path, known, (0.0, max(1.0, len(words) - 1.0)), ticks)
    transform = math.log10 if parameter.row.axis in ("log2", "log10") else float
    numbers = [float(v) for v in values if isinstance(v, (int, float))]
    low, high = min([parameter.min or 0.0, *numbers]), max([parameter.max or 0.0, *numbers])
    if transform is math.log10 and low <= 0:  # a manual run is outside the bounds
        transform = float
    known = [transform(float(v)) if isinstance(v, (int, float)) else None for v in values]
    marks = _marks(low, high, parameter)
    return _with_absent(path, known, (transform(low), transform(high)), [(transform(m), _tick(m)) for m in marks])


def _with_absent(
    path: str, known: Sequence[float | None], span: tuple[float, float], ticks: list[tuple[float, str]]
) -> Axis:
    low, high = span
    present = [v for v in known if v is not None]
    if len(present) == len(known):
        return Axis(path, present, span, ticks)
    below = low - 0.15 * ((high - low) or 1.0)
    return Axis(path, [below if v is None else v for v in known], (below, high), [(below, "absent"), *ticks])


def _marks(low: float, high: float, parameter: Parameter) -> list[float]:
    if parameter.row.axis == "log2" and low > 0:
        return [2.0**e for e in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
    if parameter.row.axis == "log10" and low > 0:
        decades = [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        inner = [d for d in decades if low * 1.3 < d < high / 1.3]
        return [low, *inner, high]
    return [low + (high - low) * i / 4 for i in range(5)]


def _tick(value: float) -> str:
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.3g}"


def _key(value: Scalar) -> tuple[bool, Scalar]:
    return isinstance(value, bool), value
