"""Convert rows to the parameters, score and cost of a sweep, and report what does not match."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import search_center, typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.facts import objective_values
from sweep_operator.decide.plan import Observation, failure_observation
from sweep_operator.exchange.cells import number_of, typed_text
from sweep_operator.exchange.row import CellText, Row, RowFailure

FindingKind = Literal["unscored", "missing", "metric", "cost", "open", "partly", "invalid", "unknown"]
"""In this order: findings about all rows come first."""
_MAX_ROWS_SHOWN = 5


@dataclass(frozen=True)
class Names:
    """Names that the source uses, where they differ from those of the sweep."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """Parameter path of the sweep -> name in the source."""
    metric: str | None = None
    cost: str | None = None


@dataclass(frozen=True)
class Finding:
    """A mismatch between source and sweep. unscored, missing, open and invalid: rows were skipped."""

    kind: FindingKind
    text: str


@dataclass(frozen=True)
class FittedRow:
    """One run with the sweep's names and types. It has a score if ``failure`` is None."""

    row: Row
    parameters: dict[str, Scalar]
    score: float | None
    cost: float | None
    failure: RowFailure | None
    metrics: dict[str, float] | None = None
    """Values of spec.objectives after the first, as far as they are known; None with one objective."""
    last_report: float | None = None
    """The last score that a run without a result reported."""

    @property
    def observation(self) -> Observation | None:
        """Observation for the optimizer, by the same rules as for a run of the sweep itself. None: not learned."""
        if self.failure is None:
            return Observation(dict(self.parameters), self.score, self.cost, metrics=self.metrics)
        found = failure_observation(self.parameters, self.cost, self.failure.class_, last_report=self.last_report)
        return None if found is not None and found.cost_is_lower_bound and self.cost is None else found


@dataclass(frozen=True)
class Fitted:
    """The usable rows, in their order, and the findings about all rows."""

    rows: tuple[FittedRow, ...]
    findings: tuple[Finding, ...]
    unused: int = 0
    """Number of successful rows, if none of them can be used."""

    def observations(self) -> list[Observation]:
        """What the optimizer learns from the rows, in their order."""
        return [o for row in self.rows if (o := row.observation) is not None]

    def texts(self, *kinds: FindingKind) -> list[str]:
        """Return the texts of the findings of these kinds; without arguments, of all."""
        return [f.text for f in self.findings if not kinds or f.kind in kinds]


def fit(rows: Iterable[Row], sweep: Sweep, names: Names = Names()) -> Fitted:
    """Convert every row that has a result and at least one of the sweep's parameters."""
    return _Fitting(sweep, names).all(tuple(rows))


class _Fitting:
    def __init__(self, sweep: Sweep, names: Names) -> None:
        self.sweep, self.names = sweep, names
        self.specs = sweep.spec.parameters
        self.metric = names.metric or sweep.spec.metric
        self.source_metric = ""
        self.used: set[str] = {"_"}
        self.absent: Counter[str] = Counter()
        self.foreign_costs: set[str] = set()
        self.findings: list[Finding] = []

    def all(self, rows: Sequence[Row]) -> Fitted:
        self._choose_metric([r for r in rows if r.result == "succeeded"])
        self._skipped("open", [r for r in rows if r.result == "open"], "a final result")
        converted = [(r, self._convert(r)) for r in rows if r.result != "open"]
        score = f"metric {self.metric!r}" if self.metric else "score"
        unscored = [r for r, found in converted if found == "unscored"]
        self._skipped("unscored", unscored, score, self.source_metric)
        unmatched, any_parameter = [r for r, found in converted if found == "unmatched"], ", ".join(sorted(self.specs))
        remedy = "; map the names that the source uses"
        self._skipped("missing", unmatched, f"any of the parameters {any_parameter}", remedy)
        for source in sorted(self.foreign_costs):
            own = self.sweep.spec.cost.source
            self._add("cost", f"ignoring {source} costs, since this sweep uses {own}; select another cost with cost")
        fitted = tuple(found for _, found in converted if isinstance(found, FittedRow))
        if self.names.cost is not None and fitted and all(found.cost is None for found in fitted):
            self._add("missing", f"cost {self.names.cost!r} is not in any run; correct or remove the name")
        self._gaps(len(fitted), rows)
        self._unknown(rows)
        succeeded = sum(r.result == "succeeded" for r in rows)
        used = any(found.score is not None for found in fitted)
        findings = sorted(self.findings, key=lambda f: get_args(FindingKind).index(f.kind))
        return Fitted(fitted, tuple(findings), 0 if used else succeeded)

    def _choose_metric(self, rows: Sequence[Row]) -> None:
        """Use the source's own metric if no run has the sweep's, unless the source has the opposite goal."""
        wanted = self.metric
        if wanted is None or any(self._has_score(r) or wanted in {**r.metrics, **r.columns} for r in rows):
            return
        sources = {(r.sweep_metric, r.goal) for r in rows if r.sweep_metric is not None}
        if len(sources) != 1:
            return
        ((name, goal),) = sources
        if self.names.metric is None and goal in (None, self.sweep.spec.goal):
            self._add("metric", f"no run has metric {wanted!r}; using the source's metric {name!r}")
            self.metric = name
        else:
            self.source_metric = f"; the source's metric is {name!r}" + (f" (goal: {goal})" if goal else "")
            self.source_metric += "; to use it, select it with metric"

    def _convert(self, row: Row) -> FittedRow | Literal["unscored", "unmatched", "invalid"]:
        try:
            parameters = self._parameters(row)
            score = self._score(row) if row.failure is None else None
            cost = self._cost(row)
            metrics = objective_values(self.sweep, partial(self._measured, row))
        except ValueError as error:
            self._add("invalid", f"{row.where}: {error}")
            return "invalid"
        if not parameters:
            return "unmatched"
        if row.failure is None and score is None:
            return "unscored"
        for path, spec in self.specs.items():
            if path not in parameters and spec.when is None:
                self.absent[path] += 1
        last = row.last_report if row.metric in (None, self.metric) and self.names.metric is None else None
        return FittedRow(row, parameters, score, cost, row.failure, metrics, last)

    def _parameters(self, row: Row) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {}
        for path, spec in self.specs.items():
            name = self.names.parameters.get(path, path)
            values = next((v for v in (row.parameters, row.columns, row.fixed) if name in v), None)
            if values is None:
                continue
            self.used.add(name)
            value = values[name]
            try:
                if isinstance(value, CellText):
                    found[path] = typed_text(spec, value)
                elif isinstance(value, (bool, int, float, str)):
                    found[path] = typed_value(spec, value)
                else:
                    raise ValueError(f"{value!r} is not a number, string or boolean")
            except ValueError as error:
                raise ValueError(f"{path if name == path else f'{name} (for {path})'}: {error}") from None
        return found

    def _score(self, row: Row) -> float | None:
        if self._has_score(row):
            return row.score
        return None if self.metric is None else self._measured(row, self.metric)

    def _has_score(self, row: Row) -> bool:
        unnamed = row.metric is None and self.names.metric is None
        return row.score is not None and (unnamed or row.metric == self.metric)

    def _cost(self, row: Row) -> float | None:
        if self.names.cost is not None:
            cost = self._measured(row, self.names.cost)
            if cost is not None and cost < 0:
                raise ValueError(f"{self.names.cost}: {cost!r} is negative; leave it empty if the cost is unknown")
            return cost
        if row.cost is not None and row.cost_source not in (None, self.sweep.spec.cost.source):
            self.foreign_costs.add(str(row.cost_source))
            return None
        return row.cost

    def _measured(self, row: Row, name: str) -> float | None:
        if name in row.metrics:
            return row.metrics[name]
        if name not in row.columns:
            return None
        self.used.add(name)
        value = row.columns[name]
        number = number_of(value) if isinstance(value, CellText) else value
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise ValueError(f"{name}: {str(value)!r} is not a number")
        if not math.isfinite(number):
            raise ValueError(f"{name}: {number!r} is not finite; leave it empty and set status to failed")
        return float(number)

    # -- findings -----------------------------------------------------------------------------------------------------

    def _add(self, kind: FindingKind, text: str) -> None:
        self.findings.append(Finding(kind, text))

    def _skipped(self, kind: FindingKind, rows: Sequence[Row], what: str, remedy: str = "") -> None:
        if rows:
            where = [r.where for r in rows[:_MAX_ROWS_SHOWN]] + (["..."] if len(rows) > _MAX_ROWS_SHOWN else [])
            noun = "run" if len(rows) == 1 else "runs"
            self._add(kind, f"{len(rows)} {noun} without {what}: {', '.join(where)}{remedy}")

    def _gaps(self, count: int, rows: Sequence[Row]) -> None:
        center = search_center(self.specs)
        source_names = sorted({n for r in rows for n in (*r.parameters, *r.columns)} - set(self.specs))
        for path, missing in self.absent.items():
            name = self.names.parameters.get(path, path)
            called = path if name == path else f"{path} ({name!r} in the source)"
            if missing < count:
                text = f"{called} is missing in {missing} of {count} runs; using its search center {center[path]!r}"
                self._add("partly", text)
            else:
                near = _near(path, source_names)
                hint = f"did you mean {near!r}?" if near else "map its name or add a column"
                self._add("missing", f"{called} is not in any run; {hint} (search center: {center[path]!r})")

    def _unknown(self, rows: Sequence[Row]) -> None:
        names = Counter(n for r in rows for n in {*r.parameters, *r.columns} - self.used)
        if names:
            shown = ", ".join(sorted(names)[:20]) + (", ..." if len(names) > 20 else "")
            self._add("unknown", f"not used by this sweep: {shown}")


def _near(path: str, source_names: Sequence[str]) -> str | None:
    last = path.rpartition(".")[2]
    same = [n for n in source_names if n.rpartition(".")[2] == last]
    return same[0] if same else next(iter(difflib.get_close_matches(path, source_names, n=1, cutoff=0.75)), None)
