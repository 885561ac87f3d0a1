"""Read rows from CSV with a header, or from JSON lines."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from protein.searchspace.paths import flatten
from sweep_operator.api.failures import FAILURES
from sweep_operator.api.user_json import TooDeep, parse_user_json
from sweep_operator.config.errors import shown
from sweep_operator.exchange.cells import number_of, plain, unquoted
from sweep_operator.exchange.row import CellText, Row, RowFailure, RowsInvalid, RunResult

Format = Literal["csv", "jsonl"]
MAX_PROBLEMS = 20
"""Upper limit of reported problems per file."""

_RESULTS: Mapping[str, RunResult] = {
    **dict.fromkeys(("succeeded", "success", "completed", "finished"), "succeeded"),
    **dict.fromkeys(("failed", "failure"), "failed"),
    **dict.fromkeys(("pending", "running", "evaluating", "crashed", "killed"), "open"),
}
_FIELDS = ("run", "index", "origin", "status", "score", "cost", "created", "curve", "isFailure", "costIsLowerBound")
_GROUPS = ("parameters", "fixed", "metrics", "failure")


def format_of(name: str, text: str) -> Format:
    """Determine the format from the file name, or else from the first character of the text."""
    bare = name.lower().removesuffix(".gz")
    if bare.endswith((".csv", ".tsv")):
        return "csv"
    if bare.endswith((".jsonl", ".ndjson", ".json")):
        return "jsonl"
    return "jsonl" if text.lstrip().startswith("{") else "csv"


def read_rows(text: str, where: str, format_: Format, max_rows: int = sys.maxsize) -> list[Row]:
    """Read all rows in the order of the file. Raises RowsInvalid with the first 20 invalid lines."""
    rows: list[Row] = []
    problems: list[str] = []
    for line, read in (_csv_records if format_ == "csv" else _jsonl_records)(text.removeprefix("\ufeff"), where):
        if len(rows) + len(problems) >= max_rows:
            raise RowsInvalid([f"{where}: has more than {max_rows} rows; keep the newest ones"])
        try:
            rows.append(_row(f"line {line}", read()))
        except ValueError as error:
            problems.append(f"{where}, line {line}: {error}")
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise RowsInvalid([*problems[:MAX_PROBLEMS], *([f"{where}: {more} more invalid lines"] if more > 0 else [])])
    if not rows:
        example = (
            "run,score,parameters.trainer.lr" if format_ == "csv" else '{"parameters": {"trainer.lr": 0.1}, "score": 1}'
        )
        raise RowsInvalid([f"{where}: contains no rows; write one line per run, for example {example}"])
    return rows


# -- formats --------------------------------------------------------------------------------------------------------


def _csv_records(text: str, where: str) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    """Yield the line number and a parser of each record. Groups are mappings, cells are CellText."""
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [n.strip() for n in next(reader, [])]
        duplicates = sorted({n for n in names if names.count(n) > 1})
        if duplicates:
            raise RowsInvalid([f"{where}, line 1: duplicate column {duplicates[0]!r}; remove or rename one"])
        for cells in reader:
            if any(c.strip() for c in cells):
                yield reader.line_num, partial(_grouped, names, cells)
    except csv.Error as error:
        raise RowsInvalid([f"{where}, line {reader.line_num}: invalid CSV: {error}"]) from None


def _grouped(names: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(names):
        raise ValueError(f"has {len(cells)} values, but the header has {len(names)} columns")
    out: dict[str, Any] = {}
    for name, value in zip(names, cells, strict=True):
        if value == "" or not name:
            continue
        group, dot, rest = name.partition(".")
        if dot and group in _GROUPS:
            out.setdefault(group, {})[rest] = CellText(value)
        else:
            out[name] = CellText(value)
    return out


def _jsonl_records(text: str, where: str) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, partial(_json_object, line)


def _json_object(line: str) -> dict[str, Any]:
    try:
        found = parse_user_json(line)
    except TooDeep as error:
        raise ValueError(f"is {error}; write nested parameters with dotted names") from None
    except ValueError as error:
        problem = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
        raise ValueError(f"invalid JSON: {problem}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{_shown(found)} is not a JSON object; write one object {{...}} per line")
    return found


# -- one record -------------------------------------------------------------------------------------------------------


def _row(where: str, record: Mapping[str, Any]) -> Row:
    """Convert a record to a row. Raises ValueError with field, value and remedy."""
    groups = {group: _mapping(group, record.get(group)) for group in _GROUPS}
    rest = {k: v for k, v in record.items() if k not in (*_FIELDS, *_GROUPS)}
    score, cost = _number_field("score", record.get("score")), _number_field("cost", record.get("cost"))
    if cost is not None and cost < 0:
        raise ValueError(f"cost: {cost!r} is negative; leave it empty if the cost is unknown")
    result, failure = _result(record, groups["failure"], score)
    index = _number_field("index", record.get("index"))
    return Row(
        where=where,
        result=result,
        parameters=flatten(groups["parameters"]),
        fixed={k: plain(v) if isinstance(v, CellText) else v for k, v in flatten(groups["fixed"]).items()},
        columns=flatten(rest),
        score=score if result == "succeeded" else None,
        cost=cost,
        metrics={k: m for k, v in groups["metrics"].items() if (m := _number_field(f"metrics.{k}", v)) is not None},
        failure=failure,
        run=_string_field(record, "run"),
        index=None if index is None else int(index),
        origin=_string_field(record, "origin"),
        created=_string_field(record, "created"),
        last_report=_last_report(record.get("curve")),
    )


def _last_report(curve: object) -> float | None:
    """The last value of a learning curve as `sweep export` writes it. Anything else is ignored."""
    try:
        points = json.loads(unquoted(curve)) if isinstance(curve, CellText) else curve
    except (ValueError, RecursionError):
        return None
    values = [point.get("value") for point in points if isinstance(point, dict)] if isinstance(points, list) else []
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    return float(numbers[-1]) if numbers else None


def _result(
    record: Mapping[str, Any], failure: Mapping[str, Any], score: float | None
) -> tuple[RunResult, RowFailure | None]:
    """Determine the result. Without a status, a failure or isFailure means failed, anything else succeeded."""
    status = _string_field(record, "status")
    if status is not None and status.lower() not in _RESULTS:
        known = "succeeded, failed, running, pending"
        raise ValueError(f"status: {status!r} is not one of {known}; write the reason of a failure to failure.reason")
    lower_bound = _boolean(record, "costIsLowerBound")
    failed = _boolean(record, "isFailure") or lower_bound or bool(failure)
    result: RunResult = "failed" if failed else "succeeded"
    if status is not None:
        result = _RESULTS[status.lower()]
    if result != "failed":
        return result, None
    class_ = _string(failure.get("class") or ("timeout" if lower_bound else "parameters"))
    if class_ not in FAILURES:
        raise ValueError(f"failure.class: {class_!r} is not one of {', '.join(FAILURES)}")
    return result, RowFailure(
        class_, _string(failure.get("reason") or "Imported"), _string(failure.get("message") or "")
    )


def _string(value: object) -> str:
    return unquoted(value) if isinstance(value, CellText) else str(value)


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f'{name}: {_shown(value)} is not an object; write {{"name": value}}')
    return value


def _string_field(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    if value is None or isinstance(value, (str, int)):
        return None if value is None else _string(value)
    raise ValueError(f"{name}: {_shown(value)} is not a string")


def _boolean(record: Mapping[str, Any], name: str) -> bool:
    value = record.get(name)
    if isinstance(value, CellText):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ValueError(f"{name}: {_shown(value)} is not a boolean; write true or false")


def _number_field(name: str, value: object) -> float | None:
    if value is None:
        return None
    found = number_of(value) if isinstance(value, CellText) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ValueError(f"{name}: {_shown(value)} is not a number; leave it empty if there is no value")
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name}: {_shown(value)} is not finite; leave it empty and set status to failed")
    return number


def _shown(value: object) -> str:
    return shown(str(value) if isinstance(value, CellText) else value)
