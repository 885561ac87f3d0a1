"""Runs as CSV and JSON lines: what is written is read back bit for bit, and what is wrong says where."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.parameters import ParameterSpec
from sweep_operator.exchange.read import MAX_PROBLEMS, form_of, read_rows
from sweep_operator.exchange.row import Row, RowFailure, RowsInvalid, Text
from sweep_operator.exchange.text import cell, plain, typed_text
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
    outcome = draw(st.sampled_from(["succeeded", "failed", "open"]))
    return Row(
        where=where,
        outcome=outcome,
        parameters=draw(VALUES),
        fixed=draw(VALUES),
        score=draw(FINITE) if outcome == "succeeded" else None,
        cost=draw(st.none() | FINITE.map(abs)),
        metrics=draw(st.dictionaries(PATHS, FINITE, max_size=3).filter(prefix_free)),
        failure=draw(FAILURES) if outcome == "failed" else None,
        run=draw(st.none() | WORDS.filter(bool)),
        index=draw(st.none() | st.integers(0, 10**6)),
        origin=draw(st.none() | st.sampled_from(["model", "manual"])),
    )


def same(one: Row, other: Row) -> None:
    for name in ("outcome", "score", "cost", "failure", "run", "index", "origin"):
        assert repr(getattr(one, name)) == repr(getattr(other, name)), name
    for name in ("parameters", "fixed", "metrics"):
        assert sorted(getattr(one, name).items(), key=repr) == sorted(getattr(other, name).items(), key=repr), name


@given(st.lists(rows(), min_size=1, max_size=4))
def test_json_lines_give_back_what_was_written(written: list[Row]) -> None:
    for before, after in zip(written, read_rows(to_jsonl(written), "f", "jsonl"), strict=True):
        same(before, after)


@given(st.lists(rows(), min_size=1, max_size=4))
def test_csv_gives_back_what_was_written(written: list[Row]) -> None:
    for before, after in zip(written, read_rows(to_csv(written), "f", "csv"), strict=True):
        values = {k: plain(v) if isinstance(v, Text) else v for k, v in after.parameters.items()}
        assert {k: (type(v), repr(v)) for k, v in values.items()} == {
            k: (type(v), repr(v)) for k, v in before.parameters.items()
        }
        same(before, Row(**{**vars_of(after), "parameters": before.parameters}))


def vars_of(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


@given(st.lists(SCALARS, min_size=1, max_size=4, unique_by=lambda v: (isinstance(v, (bool, str)), str(type(v)), v)))
def test_a_categorical_finds_its_value_in_a_cell(values: list[Any]) -> None:
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
def test_what_people_write_for_a_categorical(values: list[Any], text: str, found: Any) -> None:
    assert typed_text(ParameterSpec(distribution="categorical", values=values), text) == found


def test_what_a_person_writes_by_hand() -> None:
    text = "\ufefftrainer.lr;batch;score;note\n1e-5;64;0.5;\n\n1e-3;128;;\n"
    first, second = read_rows(text, "f", "csv")
    assert first.columns == {"trainer.lr": "1e-5", "batch": "64"}
    assert (first.score, first.where, second.where, second.score) == (0.5, "line 2", "line 4", None)
    (row,) = read_rows('{"parameters": {"trainer": {"lr": 1e-5}}, "score": 3, "isFailure": false}\n', "f", "jsonl")
    assert (row.parameters, row.score, row.outcome) == ({"trainer.lr": 1e-5}, 3.0, "succeeded")
    (row,) = read_rows('{"parameters": {"x": 1}, "cost": 60, "costIsLowerBound": true}', "f", "jsonl")
    assert (row.outcome, row.failure) == ("failed", RowFailure("timeout"))


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [("a.csv", "{", "csv"), ("A.TSV", "", "csv"), ("a.jsonl", "", "jsonl"), ("a.csv.gz", "", "csv"),
     ("-", ' {"a": 1}', "jsonl"), ("-", "a,b", "csv")],
)  # fmt: skip
def test_forms(name: str, text: str, form: str) -> None:
    assert form_of(name, text) == form


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("csv", "", "f: holds no rows; write one line for each run, as in run,score"),
        ("csv", "x,score\n", "f: holds no rows"),
        ("csv", "x,score,x\n1,2,3\n", "f, line 1: the column 'x' is there twice; remove or rename one"),
        ("csv", "x,score\n1,2,3\n", "f, line 2: has 3 values, and the header names 2 columns"),
        ("csv", "x,score\n1,high\n", "f, line 2: score: 'high' is not a number; leave it empty where there is none"),
        ("csv", "x,score\n1,nan\n", "f, line 2: score: 'nan' is not finite; a run that gave no score has status fai"),
        ("csv", "x,score\n1,-inf\n", "f, line 2: score: '-inf' is not finite"),
        ("csv", "x,score,cost\n1,2,-3\n", "f, line 2: cost: -3.0 is negative; leave it empty where it is not known"),
        ("csv", "x,score,status\n1,2,well\n", "f, line 2: status: 'well' is none of succeeded, failed, running, pend"),
        ("csv", "x,isFailure\n1,perhaps\n", "f, line 2: isFailure: 'perhaps' is neither true nor false"),
        ("csv", "x,status,failure.class\n1,failed,bad\n", "f, line 2: failure.class: 'bad' is none of parameters, cr"),
        ("csv", 'x,score\n1,"2\n', "f, line 2: is no CSV"),
        ("csv", "x,metrics.loss\n1,low\n", "f, line 2: metrics.loss: 'low' is not a number"),
        ("jsonl", "\n\n", 'f: holds no rows; write one line for each run, as in {"parameters"'),
        ("jsonl", '{"score": 1}\n{"score": \n', "f, line 2: is no JSON: Expecting value"),
        ("jsonl", "[1, 2]\n", "f, line 1: is [1, 2], no JSON object {...}"),
        ("jsonl", '{"x": ' + "[" * 5000 + "]" * 5000 + "}", "f, line 1: is nested too deeply"),
        ("jsonl", '{"parameters": 3}', 'f, line 1: parameters: 3 is no mapping; write {"name": value}'),
        ("jsonl", '{"score": NaN}', "f, line 1: score: nan is not finite"),
        ("jsonl", '{"score": "1"}', "f, line 1: score: '1' is not a number"),
        ("jsonl", '{"score": true}', "f, line 1: score: True is not a number"),
        ("jsonl", '{"score": 1e999}', "f, line 1: score: inf is not finite"),
        ("jsonl", '{"run": {}, "score": 1}', "f, line 1: run: {} is no text"),
        ("jsonl", '{"isFailure": "no"}', "f, line 1: isFailure: 'no' is neither true nor false"),
    ],
)
def test_what_is_wrong_says_where_what_and_the_remedy(form: Any, text: str, says: str) -> None:
    with pytest.raises(RowsInvalid) as caught:
        read_rows(text, "f", form)
    assert caught.value.problems[0].startswith(says)


def test_every_wrong_line_is_named_but_not_without_end() -> None:
    with pytest.raises(RowsInvalid) as caught:
        read_rows("x,score\n" + "1,bad\n" * 30 + "1,2\n", "f", "csv")
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1] == "f: and 10 more lines"
