"""Tables on terminals of any width, with text of any script, and numbers with the digits that matter."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sweep_operator.views.columns import (
    GAP,
    Column,
    cell_width,
    column,
    fitting,
    short_names,
    shortened,
    text_table,
    value_text,
)
from sweep_operator.views.figures import age, duration, format_for, number, run_time
from tests.cli.stored_sweeps import T0
from tests.hostile_text import hidden

PIECES = ["a", "漢字", "ﾊﾝ", "e\u0301", "👩‍🔬", "\x1b[31mred\x1b[0m", "\t", "\n", "\u2028", "\x07", " ", "-1.5"]
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=4).map("".join)
TABLE = st.integers(1, 4).flatmap(
    lambda rows: st.lists(
        st.builds(
            column, TEXT, st.lists(TEXT, min_size=rows, max_size=rows), left=st.booleans(), rank=st.integers(0, 9)
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(TABLE)
def test_columns_are_aligned_whatever_the_script(columns: list[Column]) -> None:
    for found in columns:
        assert {cell_len(line) for line in found.lines()} == {found.width}
        assert all(len(line.splitlines()) <= 1 and "\t" not in line for line in found.lines())
    table = text_table(columns)
    assert hidden(table) == set()
    assert len(table.split("\n")) == len(columns[0].cells) + 1


@given(TABLE, st.none() | st.integers(1, 200))
def test_a_table_fits_unless_its_first_columns_do_not(columns: list[Column], width: int | None) -> None:
    kept = fitting(columns, width, GAP)
    assert [c for c in columns if any(c is k for k in kept)] == kept, "the order stays"
    dropped = [c for c in columns if not any(c is k for k in kept)]
    if width is None:
        assert not dropped
        return
    taken = sum(c.width for c in kept) + GAP * max(0, len(kept) - 1)
    assert taken <= width or all(c.rank == 0 for c in kept)
    assert all(c.rank > 0 for c in dropped)
    if dropped:
        assert min(c.rank for c in dropped) >= max((c.rank for c in kept), default=0)
        last = min(reversed(dropped), key=lambda c: c.rank)  # of equal ranks, the first column gives way first
        assert taken + (GAP if kept else 0) + last.width > width, "nothing is dropped that fits"


@given(TEXT, st.integers(1, 12))
def test_shortened_text_keeps_its_beginning(text: str, width: int) -> None:
    found = shortened(text, width)
    assert found == text or (found.endswith("…") and text.startswith(found[:-1]))
    assert cell_width(found) <= width


@given(st.lists(st.from_regex(r"[a-c](\.[a-c]){0,3}", fullmatch=True), unique=True, max_size=8))
def test_short_names_are_different_ends_of_paths(paths: list[str]) -> None:
    names = short_names(paths)
    assert len(set(names)) == len(paths)
    assert all(path == name or path.endswith(f".{name}") for path, name in zip(paths, names, strict=True))


@given(FINITE.filter(lambda v: abs(v) < 1e300))
def test_a_number_keeps_its_digits(value: float) -> None:
    text = number(value)
    assert float(text) == pytest.approx(value, rel=5.01e-4, abs=0)
    assert len(text) <= 11


@given(st.lists(FINITE.filter(lambda v: abs(v) < 1e12), min_size=1, max_size=30), st.booleans())
def test_numbers_of_a_column(values: list[float], exact: bool) -> None:
    written = format_for(values, exact=exact)
    texts = [written(v) for v in values]
    largest = max(map(abs, values))
    for value, text in zip(values, texts, strict=True):
        assert abs(float(text) - value) <= (5.01e-3 * abs(value) if exact else 5.01e-4 * largest)
        assert len(text) <= 15
    fractions = {len(t.partition(".")[2]) for t in texts if "." in t and "e" not in t}
    sizes = [abs(v) for v in values if v]
    if sizes and max(sizes) <= 10 * min(sizes) and any(v != int(v) for v in values) and 1e-4 <= largest < 1e10:
        assert len(fractions) <= 1
    assert [written(None), written(""), written(True)] == ["", "", ""]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.99912, 0.99934, 0.99951, 0.1], ["0.99912", "0.99934", "0.99951", "0.10000"]),
        ([487.31, 20, 12.5], ["487.3", "20.0", "12.5"]),
        ([1e-5, 0.00034567, 0.01], ["1e-05", "0.0003457", "0.01"]),
        ([12561.7, 9800.2], ["12562", "9800"]),
        ([16, 1024, 50_000_000], ["16", "1024", "50000000"]),
        ([2.345612, 2.345634, 2.345699], ["2.345612", "2.345634", "2.345699"]),
        ([0.5, 0.5], ["0.5", "0.5"]),
        ([0, 1e-7], ["0", "1e-07"]),
    ],
)
def test_digits_tell_the_numbers_of_a_column_apart(values: list[float], texts: list[str]) -> None:
    assert [format_for(values)(v) for v in values] == texts


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "0"), (-0.0, "0"), (487.31, "487.3"), (12561.7, "12562"), (3e-7, "3e-07"), (-80.125, "-80.12"),
     (2.5e7, "25000000"), (2.5e10, "2.5e+10"), (math.nan, "nan"), (True, "")],
)  # fmt: skip
def test_numbers(value: object, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), ("adamw", "adamw"), (None, ""), (0.000731, "0.000731"), ("x" * 30, "x" * 23 + "…"), (128, "128")],
)
def test_values_of_parameters(value: object, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7800, "2h10m"), (86400, "24h"), (3 * 86400, "3d"),
     (-5, "0s")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(0, 1e7))
def test_the_time_of_a_run_that_has_ended(seconds: float) -> None:
    text = run_time(True, seconds, None, T0)
    assert re.fullmatch(r"([\d.e-]+s|\d+m|\d+h(\d+m)?|\d+d)?", text)
    assert bool(text) == bool(seconds)


def test_ages_accept_both_forms_of_utc() -> None:
    now = T0.replace(minute=5)
    assert age("2026-03-01T09:00:00Z", now) == age("2026-03-01T09:00:00+00:00", now) == "5m"
    assert age(None, now) == ""
    assert run_time(False, 3.0, "2026-03-01T09:00:00Z", now) == "5m"
