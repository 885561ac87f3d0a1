"""Convert a file of completed runs to SweepRuns of a sweep. Pure, except for reading the file."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sweep_operator.api.names import API_VERSION
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import ImportedObservation, SweepRun
from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.errors import ConfigError, suggestion
from sweep_operator.domain.times import parse_time
from sweep_operator.exchange.files import rows_of_bytes
from sweep_operator.exchange.fit import FindingKind, FittedRow, Names, fit
from sweep_operator.exchange.row import Row

STDIN = Path("-")
_ERRORS: tuple[FindingKind, ...] = ("invalid", "missing", "unscored")
_NOTES: tuple[FindingKind, ...] = ("open", "partly", "cost")
_MAX_TEXT = 1024


@dataclass(frozen=True)
class ImportFile:
    """A file, and how to read it."""

    path: Path
    names: Names = field(default_factory=Names)
    given: Mapping[str, Any] | None = None
    """Values of parameters that are not in the file."""
    ignore_unknown: bool = False

    @property
    def title(self) -> str:
        """Name of the file for messages."""
        return "standard input" if self.path == STDIN else self.path.name


@dataclass(frozen=True)
class Imports:
    """The SweepRuns to create, and the number of runs that already exist."""

    bodies: tuple[dict[str, Any], ...]
    known: int
    notes: tuple[str, ...]


def names_of(mapped: Sequence[str], metric: str | None, cost: str | None) -> Names:
    """``--map trainer.lr=lr``. Raises ConfigError."""
    return Names(dict(_pairs("--map", mapped)), metric, cost)


def values_of(given: Sequence[str]) -> dict[str, Any]:
    """``--set trainer.gamma=0.99``. Raises ConfigError."""
    found = {}
    for raw in given:
        argument = parse_argument(raw)
        if not isinstance(argument.value, (bool, int, float, str)):
            raise ConfigError(f"--set {raw}: {argument.value!r} is not a parameter value (boolean, number or string)")
        found[argument.key] = argument.value
    return found


def imports_of(file: ImportFile, sweep: Sweep, existing: Sequence[SweepRun]) -> Imports:
    """The file's runs as SweepRuns of ``sweep``. Raises ConfigError with every problem.

    Runs that were imported before, and the sweep's own runs, are recognized by their content and skipped.
    """
    _check_names(file, sweep)
    rows = _read(file)
    if file.given:
        rows = [replace(row, fixed={**row.fixed, **file.given}) for row in rows]
    fitted = fit(rows, sweep, file.names)
    wrong = fitted.texts(*_ERRORS)
    if not file.ignore_unknown:
        wrong += [f"{text}; map their names with --map, or use --ignore-unknown" for text in fitted.texts("unknown")]
    if wrong:
        raise ConfigError([f"{file.title}{', ' if text.startswith('line ') else ': '}{text}" for text in wrong])
    own = {
        _content(name, r.parameters, r.status.score, r.status.cost)
        for r in existing if r.terminal for name in _names(r)
    }  # fmt: skip
    there = {r.name for r in existing}
    bodies, known = [], 0
    seen: Counter[str] = Counter()
    for row in fitted.rows:
        body = _body(sweep, row, file, seen)
        ours = _content(row.row.run or "", row.parameters, row.score, row.cost) in own
        if ours or body["metadata"]["name"] in there:
            known += 1
        else:
            bodies.append(body)
    return Imports(tuple(bodies), known, tuple(fitted.texts(*_NOTES)))


def _read(file: ImportFile) -> list[Row]:
    try:
        content = sys.stdin.buffer.read() if file.path == STDIN else file.path.read_bytes()
        return rows_of_bytes(content, file.title, file.path.name)
    except FileNotFoundError:
        raise ConfigError(f"{file.path}: file not found") from None
    except OSError as error:
        raise ConfigError(f"{file.path}: cannot be read: {error.strerror or error}") from None


def _body(sweep: Sweep, row: FittedRow, file: ImportFile, seen: Counter[str]) -> dict[str, Any]:
    failure = row.failure
    observation = ImportedObservation.model_validate(
        {
            "score": row.score,
            "cost": row.cost,
            "metrics": {**row.row.metrics, **(row.metrics or {})},
            "failure": failure
            and {"class": failure.class_, "reason": failure.reason[:256], "message": failure.message[:_MAX_TEXT]},
            "source": (row.row.run or f"{row.row.where} of {file.title}")[:_MAX_TEXT],
            "index": row.row.index,
            "created": _time(row.row.created),
        }
    ).to_json()
    spec = {"sweepName": sweep.name, "origin": "imported", "parameters": row.parameters, "observation": observation}
    # Without file name and line: the file may grow, be sorted or be renamed.
    result = {k: v for k, v in observation.items() if k not in ("index", "created")}
    identity = {**spec, "observation": {**result, "source": row.row.run}}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    seen[digest] += 1
    if seen[digest] > 1:  # equal results of two runs are two observations
        digest = hashlib.sha256(f"{digest}/{seen[digest]}".encode()).hexdigest()
    return {
        "apiVersion": API_VERSION,
        "kind": "SweepRun",
        "metadata": {"name": f"{sweep.name}.i.{digest[:12]}"},
        "spec": spec,
    }


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:  # a file of another tool
        return None


def _names(run: SweepRun) -> set[str]:
    """The run's names here and at its origin: a second export of the same runs may have more metrics than the first."""
    observation = run.spec.observation
    return {run.status.run_name or run.name, *([observation.source] if observation and observation.source else [])}


def _content(name: str, parameters: Mapping[str, Any], score: float | None, cost: float | None) -> tuple[Any, ...]:
    return name, frozenset(parameters.items()), score, cost


def _check_names(file: ImportFile, sweep: Sweep) -> None:
    for option, paths in (("--map", file.names.parameters), ("--set", file.given or {})):
        unknown = [path for path in paths if path not in sweep.spec.parameters]
        if unknown:
            hint = suggestion(unknown[0], sorted(sweep.spec.parameters))
            raise ConfigError(f"{option} {unknown[0]}: is not a parameter of {sweep.display_name}; {hint}")


def _pairs(option: str, given: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [raw.partition("=") for raw in given]
    for ours, equals, theirs in pairs:
        if not ours or not theirs:
            raise ConfigError(f"{option} {ours}{equals}{theirs}: write PARAMETER=NAME-IN-THE-FILE, as in trainer.lr=lr")
    return [(ours, theirs) for ours, _, theirs in pairs]
