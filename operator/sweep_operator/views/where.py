"""Conditions on the results of runs, such as ``latency<50``."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.errors import ConfigError
from sweep_operator.views.figures import number

_OPERATORS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_CONDITION = re.compile(r"\s*(?P<name>[^<>=]*[^<>=\s])\s*(?P<operator><=|>=|<|>)\s*(?P<value>[^<>=\s]+)\s*")


def satisfying(condition: str, runs: Sequence[SweepRun]) -> list[SweepRun]:
    """Those of the successful ``runs`` for which ``METRIC<NUMBER`` holds; also with <=, > and >=.

    The metric can be score or cost too. Raises ConfigError for an invalid condition, and if no run is left.
    """
    found = _CONDITION.fullmatch(condition)
    try:
        limit = float(found["value"]) if found else None
    except ValueError:
        limit = None
    if found is None or limit is None or limit != limit:
        raise ConfigError(f"--where {condition}: is not a condition; write METRIC<NUMBER, as in 'latency<50'")
    values = [(value_of(run, found["name"]), run) for run in runs]
    known = [(value, run) for value, run in values if value is not None]
    holds = _OPERATORS[found["operator"]]
    kept = [run for value, run in known if holds(value, limit)]
    if runs and not known:
        names = ", ".join(sorted({"score", "cost", *(name for run in runs for name in run.status.metrics)})[:20])
        raise ConfigError(f"--where {condition}: no run has a metric {found['name']!r}; they have {names}")
    if runs and not kept:
        nearest = (min if found["operator"].startswith("<") else max)(value for value, _ in known)
        raise ConfigError(f"--where {condition}: holds for no run; the nearest value is {number(nearest)}")
    return kept


def value_of(run: SweepRun, name: str) -> float | None:
    """A metric of the run, or its score or cost."""
    own = {"score": run.status.score, "cost": run.status.cost}
    return run.status.metrics.get(name, own.get(name))
