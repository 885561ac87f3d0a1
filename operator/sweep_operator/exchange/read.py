"""Rows from the text of a file: CSV with a header, or JSON lines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from protein.searchspace.paths import flatten
from sweep_operator.api.failures import FAILURES
from sweep_operator.exchange.row import Outcome, Row, RowFailure, RowsInvalid, Text
from sweep_operator.exchange.text import number_of, plain, unquoted

Form = Literal["csv", "jsonl"]
MAX_PROBLEMS = 20
"""A file that is wrong everywhere need not say so everywhere."""

_ENDED: Mapping[str, Outcome] = {
    **dict.fromkeys(("succeeded", "success", "completed", "finished"), "succeeded"),
    **dict.fromkeys(("failed", "failure"), "failed"),
    **dict.fromkeys(("pending", "running", "evaluating", "crashed", "killed"), "open"),
}
_WORDS = ("run", "index", "origin", "status", "score", "cost", "created", "isFailure", "costIsLowerBound")
_GROUPS = ("parameters", "fixed", "metrics", "failure")


def form_of(name: str, text: str) -> Form:
    """By the file's name, else by its first character."""
    bare = name.lower().removesuffix(".gz")
    if bare.endswith((".csv", ".tsv")):
        return "csv"
    if bare.endswith((".jsonl", ".ndjson", ".json")):
        return "jsonl"
    return "jsonl" if text.lstrip().startswith("{") else "csv"


def read_rows(text: str, where: str, form: Form) -> list[Row]:
    """All rows in the order of the file. Raises RowsInvalid with every line that is wrong (the first 20)."""
    rows: list[Row] = []
    problems: list[str] = []
    for line, read in (_csv_records if form == "csv" else _jsonl_records)(text.removeprefix("\ufeff"), where):
        try:
            rows.append(_row(f"line {line}", read()))
        except ValueError as error:
            problems.append(f"{where}, line {line}: {error}")
        except RecursionError:
            problems.append(f"{where}, line {line}: is nested too deeply; parameters have dotted names at most")
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise RowsInvalid([*problems[:MAX_PROBLEMS], *([f"{where}: and {more} more lines"] if more > 0 else [])])
    if not rows:
        example = (
            "run,score,parameters.trainer.lr" if form == "csv" else '{"parameters": {"trainer.lr": 0.1}, "score": 1}'
        )
        raise RowsInvalid([f"{where}: holds no rows; write one line for each run, as in {example}"])
    return rows


# -- the two forms ----------------------------------------------------------------------------------------------------


def _csv_records(text: str, where: str) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    """Line and content of each record: groups as mappings, cells as Text."""
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [n.strip() for n in _next(reader, where) or []]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise RowsInvalid([f"{where}, line 1: the column {twice[0]!r} is there twice; remove or rename one"])
    while (cells := _next(reader, where)) is not None:
        if any(c.strip() for c in cells):
            yield reader.line_num, partial(_grouped, names, cells)


def _next(reader: Any, where: str) -> list[str] | None:
    try:
        found: list[str] | None = next(reader, None)
        return found
    except csv.Error as error:
        raise RowsInvalid([f"{where}, line {reader.line_num}: is no CSV: {error}"]) from None


def _grouped(names: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(names):
        raise ValueError(f"has {len(cells)} values, and the header names {len(names)} columns")
    out: dict[str, Any] = {}
    for name, value in zip(names, cells, strict=True):
        if value == "" or not name:
            continue
        group, dot, rest = name.partition(".")
        if dot and group in _GROUPS:
            out.setdefault(group, {})[rest] = Text(value)
        else:
            out[name] = Text(value)
    return out


def _jsonl_records(text: str, where: str) -> Iterator[tuple[int, Callable[[], dict[str, Any]]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, partial(_json_object, line)


def _json_object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"is {_shown(found)}, no JSON object {{...}}; write one in each line")
    return found


# -- one record -------------------------------------------------------------------------------------------------------


def _row(where: str, record: Mapping[str, Any]) -> Row:
    """Raises ValueError naming field, value and remedy."""
    groups = {group: _mapping(group, record.get(group)) for group in _GROUPS}
    rest = {k: v for k, v in record.items() if k not in (*_WORDS, *_GROUPS)}
    score, cost = _finite("score", record.get("score")), _finite("cost", record.get("cost"))
    if cost is not None and cost < 0:
        raise ValueError(f"cost: {cost!r} is negative; leave it empty where it is not known")
    outcome, failure = _outcome(record, groups["failure"], score)
    index = _finite("index", record.get("index"))
    return Row(
        where=where,
        outcome=outcome,
        parameters=flatten(groups["parameters"]),
        fixed={k: plain(v) if isinstance(v, Text) else v for k, v in flatten(groups["fixed"]).items()},
        columns=flatten(rest),
        score=score if outcome == "succeeded" else None,
        cost=cost,
        metrics={k: m for k, v in groups["metrics"].items() if (m := _finite(f"metrics.{k}", v)) is not None},
        failure=failure,
        run=_word(record, "run"),
        index=None if index is None else int(index),
        origin=_word(record, "origin"),
        created=_word(record, "created"),
    )


def _outcome(
    record: Mapping[str, Any], failure: Mapping[str, Any], score: float | None
) -> tuple[Outcome, RowFailure | None]:
    """Without a status: a score says that it succeeded, a failure or isFailure that it did not."""
    status = _word(record, "status")
    if status is not None and status.lower() not in _ENDED:
        known = "succeeded, failed, running, pending"
        raise ValueError(f"status: {status!r} is none of {known}; the reason of a failure is failure.reason")
    lower_bound = _truth(record, "costIsLowerBound")
    failed = _truth(record, "isFailure") or lower_bound or bool(failure)
    outcome: Outcome = "failed" if failed else "succeeded"
    if status is not None:
        outcome = _ENDED[status.lower()]
    if outcome != "failed":
        return outcome, None
    class_ = _said(failure.get("class") or ("timeout" if lower_bound else "parameters"))
    if class_ not in FAILURES:
        raise ValueError(f"failure.class: {class_!r} is none of {', '.join(FAILURES)}")
    return outcome, RowFailure(class_, _said(failure.get("reason") or "Imported"), _said(failure.get("message") or ""))


def _said(value: object) -> str:
    return unquoted(value) if isinstance(value, Text) else str(value)


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f'{name}: {_shown(value)} is no mapping; write {{"name": value}}')
    return value


def _word(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    if value is None or isinstance(value, (str, int)):
        return None if value is None else _said(value)
    raise ValueError(f"{name}: {_shown(value)} is no text")


def _truth(record: Mapping[str, Any], name: str) -> bool:
    value = record.get(name)
    if isinstance(value, Text):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ValueError(f"{name}: {_shown(value)} is neither true nor false")


def _finite(name: str, value: object) -> float | None:
    if value is None:
        return None
    found = number_of(value) if isinstance(value, Text) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ValueError(f"{name}: {_shown(value)} is not a number; leave it empty where there is none")
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name}: {_shown(value)} is not finite; a run that gave no score has status failed, and none")
    return number


def _shown(value: object) -> str:
    text = repr(str(value) if isinstance(value, Text) else value)
    return text if len(text) <= 60 else text[:57] + "..."
