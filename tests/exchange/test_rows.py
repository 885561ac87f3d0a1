"""Runs as CSV and JSON lines: round trips are exact, and errors name the place."""

from __future__ import annotations

import csv
import io
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.parameters import ParameterSpec
from sweep_operator.exchange.cells import cell, plain, typed_text
from sweep_operator.exchange.read import MAX_PROBLEMS, format_of, read_rows
from sweep_operator.exchange.row import CellText, Row, RowFailure, RowsInvalid
from sweep_operator.exchange.write import to_csv, to_jsonl

PATHS = st.lists(st.text(string.ascii_letters + "_", min_size=1, max_size=6), min_size=1, max_size=3).map(".".join)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
SCALARS = FINITE | st.integers() | st.booleans() | WORDS


def prefix_free(names: dict[str, Any]) -> bool:
    return not any(b.startswith(a + ".") for a in names for b in names)


VALUES = st.dictionaries(PATHS, SCALARS, max_size=4).filter(prefix_free)
FAILURES = st.builds(RowFailure, st.sampled_from(["crash", "timeout", "eval"]), WORDS.filter(bool), WORDS)


@st.composite
def rows(draw: st.DrawFn, where: str = "") -> Row:
    result = draw(st.sampled_from(["succeeded", "failed", "open"]))
    return Row(
        where=where,
        result=result,
        parameters=draw(VALUES),
        fixed=draw(VALUES),
        score=draw(FINITE) if result == "succeeded" else None,
        cost=draw(st.none() | FINITE.map(abs)),
        metrics=draw(st.dictionaries(PATHS, FINITE, max_size=3).filter(prefix_free)),
        failure=draw(FAILURES) if result == "failed" else None,
        run=draw(st.none() | WORDS.filter(bool)),
        index=draw(st.none() | st.integers(0, 10**6)),
        origin=draw(st.none() | st.sampled_from(["model", "manual"])),
    )


def same(one: Row, other: Row) -> None:
    for name in ("result", "score", "cost", "failure", "run", "index", "origin"):
        assert repr(getattr(one, name)) == repr(getattr(other, name)), name
    for name in ("parameters", "fixed", "metrics"):
        assert sorted(getattr(one, name).items(), key=repr) == sorted(getattr(other, name).items(), key=repr), name


@given(st.lists(rows(), min_size=1, max_size=4))
def test_json_lines_round_trip(written: list[Row]) -> None:
    for before, after in zip(written, read_rows(to_jsonl(written), "f", "jsonl"), strict=True):
        same(before, after)


@given(st.lists(rows(), min_size=1, max_size=4))
def test_csv_round_trip(written: list[Row]) -> None:
    for before, after in zip(written, read_rows(to_csv(written), "f", "csv"), strict=True):
        values = {k: plain(v) if isinstance(v, CellText) else v for k, v in after.parameters.items()}
        assert {k: (type(v), repr(v)) for k, v in values.items()} == {
            k: (type(v), repr(v)) for k, v in before.parameters.items()
        }
        same(before, Row(**{**vars_of(after), "parameters": before.parameters}))


def vars_of(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


@given(st.lists(SCALARS, min_size=1, max_size=4, unique_by=lambda v: (isinstance(v, (bool, str)), str(type(v)), v)))
def test_categorical_values_round_trip_through_a_cell(values: list[Any]) -> None:
    unique = [v for n, v in enumerate(values) if not any(v == w and type(v) is not type(w) for w in values[:n])]
    spec = ParameterSpec(distribution="categorical", values=unique)
    for value in unique:
        found = typed_text(spec, cell(value))
        assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("values", "text", "found"),
    [(["1", "2"], "1", "1"), ([1, "1"], "1", 1), ([1, "1"], '"1"', "1"), (["true", "x"], "true", "true"),
     ([True, False], "true", True), (["a b", " a"], '" a"', " a"), ([0.1, 1.0], "1.0", 1.0), ([1, 2], "1.0", 1)],
)  # fmt: skip
def test_handwritten_categorical_values(values: list[Any], text: str, found: Any) -> None:
    assert typed_text(ParameterSpec(distribution="categorical", values=values), text) == found


def test_handwritten_rows() -> None:
    text = "\ufefftrainer.lr;batch;score;note\n1e-5;64;0.5;\n\n1e-3;128;;\n"
    first, second = read_rows(text, "f", "csv")
    assert first.columns == {"trainer.lr": "1e-5", "batch": "64"}
    assert (first.score, first.where, second.where, second.score) == (0.5, "line 2", "line 4", None)
    (row,) = read_rows('{"parameters": {"trainer": {"lr": 1e-5}}, "score": 3, "isFailure": false}\n', "f", "jsonl")
    assert (row.parameters, row.score, row.result) == ({"trainer.lr": 1e-5}, 3.0, "succeeded")
    (row,) = read_rows('{"parameters": {"x": 1}, "cost": 60, "costIsLowerBound": true}', "f", "jsonl")
    assert (row.result, row.failure) == ("failed", RowFailure("timeout"))


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [("a.csv", "{", "csv"), ("A.TSV", "", "csv"), ("a.jsonl", "", "jsonl"), ("a.csv.gz", "", "csv"),
     ("-", ' {"a": 1}', "jsonl"), ("-", "a,b", "csv")],
)  # fmt: skip
def test_format_of(name: str, text: str, form: str) -> None:
    assert format_of(name, text) == form


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("csv", "", "f: contains no rows; write one line per run, for example run,score"),
        ("csv", "x,score\n", "f: contains no rows"),
        ("csv", "x,score,x\n1,2,3\n", "f, line 1: duplicate column 'x'; remove or rename one"),
        ("csv", "x,score\n1,2,3\n", "f, line 2: has 3 values, but the header has 2 columns"),
        ("csv", "x,score\n1,high\n", "f, line 2: score: 'high' is not a number; leave it empty if there is no value"),
        ("csv", "x,score\n1,nan\n", "f, line 2: score: 'nan' is not finite; leave it empty and set status to failed"),
        ("csv", "x,score\n1,-inf\n", "f, line 2: score: '-inf' is not finite"),
        ("csv", "x,score,cost\n1,2,-3\n", "f, line 2: cost: -3.0 is negative; leave it empty if the cost is unknown"),
        (
            "csv",
            "x,score,status\n1,2,well\n",
            "f, line 2: status: 'well' is not one of succeeded, failed, running",
        ),
        ("csv", "x,isFailure\n1,perhaps\n", "f, line 2: isFailure: 'perhaps' is not a boolean"),
        (
            "csv",
            "x,status,failure.class\n1,failed,bad\n",
            "f, line 2: failure.class: 'bad' is not one of parameters",
        ),
        ("csv", 'x,score\n1,"2\n', "f, line 2: invalid CSV"),
        ("csv", "x,metrics.loss\n1,low\n", "f, line 2: metrics.loss: 'low' is not a number"),
        ("jsonl", "\n\n", 'f: contains no rows; write one line per run, for example {"parameters"'),
        ("jsonl", '{"score": 1}\n{"score": \n', "f, line 2: invalid JSON: Expecting value"),
        ("jsonl", "[1, 2]\n", "f, line 1: [1, 2] is not a JSON object; write one object {...}"),
        (
            "jsonl",
            '{"x": ' + "[" * 5000 + "]" * 5000 + "}",
            "f, line 1: is nested 5001 levels deep; the limit",
        ),
        ("jsonl", '{"parameters": 3}', 'f, line 1: parameters: 3 is not an object; write {"name": value}'),
        ("jsonl", '{"score": NaN}', "f, line 1: score: nan is not finite"),
        ("jsonl", '{"score": "1"}', "f, line 1: score: '1' is not a number"),
        ("jsonl", '{"score": true}', "f, line 1: score: True is not a number"),
        ("jsonl", '{"score": 1e999}', "f, line 1: score: inf is not finite"),
        ("jsonl", '{"run": {}, "score": 1}', "f, line 1: run: {} is not a string"),
        ("jsonl", '{"isFailure": "no"}', "f, line 1: isFailure: 'no' is not a boolean"),
    ],
)
def test_errors_name_place_value_and_remedy(form: Any, text: str, says: str) -> None:
    with pytest.raises(RowsInvalid) as caught:
        read_rows(text, "f", form)
    assert caught.value.problems[0].startswith(says)


def test_the_number_of_reported_lines_is_limited() -> None:
    with pytest.raises(RowsInvalid) as caught:
        read_rows("x,score\n" + "1,bad\n" * 30 + "1,2\n", "f", "csv")
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1] == "f: 10 more invalid lines"


def test_a_curve_is_exported_and_no_parameter_of_an_import() -> None:
    curve = ({"step": 1.0, "value": 0.5, "seconds": 2.0}, {"step": 2.0, "seconds": 4.0})
    rows = [Row(where="", result="succeeded", parameters={"x": 1}, score=1.0, run=name, curve=curve) for name in "ab"]
    rows[1:] = [Row(where="", result="succeeded", parameters={"x": 1}, score=1.0, run="b")]
    (first, second) = csv.DictReader(io.StringIO(to_csv(rows)))
    assert json.loads(first["curve"]) == list(curve)
    assert second["curve"] == ""
    assert json.loads(to_jsonl(rows).splitlines()[0])["curve"] == list(curve)
    for text, form in ((to_csv(rows), "csv"), (to_jsonl(rows), "jsonl")):
        read = read_rows(text, "file", format_of(f"x.{form}", text))
        assert [(row.columns, row.last_report) for row in read] == [({}, 0.5), ({}, None)]


@pytest.mark.parametrize("curve", ["[", "7", "[1]", '[{"value": true}]', '[{"value": NaN}]', "[" * 5000])
def test_a_curve_that_is_none_is_ignored(curve: str) -> None:
    (row,) = read_rows(f"x,score,curve\n1,2,'{curve.replace(chr(34), chr(34) * 2)}'\n", "file", "csv")
    assert row.last_report is None
