"""Results and failure patterns in logs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.template import with_numbers
from sweep_operator.decide.accept import misses_nan
from sweep_operator.decide.attempt import LogReading, LogRequest
from sweep_operator.engine.logs import MAX_LINE_BYTES, scan
from sweep_operator.sandbox.tasks import InProcess

PATTERN = r"loss[=:] *(?P<value>[-+0-9.eE]+)"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(*parts: bytes, rules: tuple[str, ...] = ()) -> LogReading:
    return await scan(chunks(*parts), LogRequest("p", "u", PATTERN, rules), InProcess())


async def test_the_last_match_counts() -> None:
    assert (await read(b"loss=3\nloss: 2.5\nbye\n")).value == "2.5"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss=0.25,", "0.25"), ("loss=-1e-3", "-1e-3"), ("loss=+.5", "+.5"), ("loss=3.", "3."), ("loss=12 s", "12"),
        ("loss=nan", "nan"), ("loss=NaN.", "NaN"), ("loss=-inf", "-inf"), ("loss=Infinity", "Infinity"),
        ("loss=nano", None), ("loss={value}", None), ("loss=none", None),
    ],
)  # fmt: skip
async def test_value_stands_for_a_number(line: str, value: str | None) -> None:
    request = LogRequest("p", "u", with_numbers("loss={value}"), ())
    assert (await scan(chunks(line.encode()), request, InProcess())).value == value


@pytest.mark.parametrize("text", [r"\{value\}=(?P<value>.*)", r"\p{Greek}\x{ff}\pN{2}a{3}(?P<value>.*)"])
def test_other_braces_stay(text: str) -> None:
    assert with_numbers(text) == text


@pytest.mark.parametrize("pattern", [r"loss={value} acc={acc}", r"loss={value}|acc=(?P<acc>\S+)"])
async def test_other_names_are_metrics(pattern: str) -> None:
    request = LogRequest("p", "u", with_numbers(pattern), ())
    reading = await scan(chunks(b"loss=1 acc=0.1\nloss=2 acc=0.2\n"), request, InProcess())
    assert (reading.value, reading.metrics) == ("2", {"acc": "0.2"})


@pytest.mark.parametrize(
    ("pattern", "misses"),
    [
        (r"loss=(?P<value>[-+0-9.eE]+)", True), (r"(?P<value>\d+(\.\d+)?) %", True), (r"x[)] (?P<value>[)0-9]+)", True),
        (r"loss=(?P<value>\S+)", False), (r"loss=(?P<value>[0-9.]+|nan)", False), ("loss={value}", False),
    ],
)  # fmt: skip
def test_patterns_that_cannot_match_nan_are_found(pattern: str, misses: bool) -> None:
    assert misses_nan(pattern) is misses


async def test_no_match_is_none() -> None:
    assert (await read(b"hello\n")).value is None


async def test_a_progress_bar_without_newlines_is_read_too() -> None:
    assert (await read(b"loss=3\rloss=1e-3\r")).value == "1e-3"
    long = b"." * (MAX_LINE_BYTES + 10)
    assert (await read(long, b"\nloss=4\n", long)).value == "4"


async def test_rules_are_matched_anywhere() -> None:
    reading = await read(b"a\nCUDA out of ", b"memory\nloss=1", rules=("CUDA out of memory", "never"))
    assert reading == LogReading(value="1", matched=frozenset({"CUDA out of memory"}))


async def test_bytes_that_are_not_utf8_are_tolerated() -> None:
    assert (await read(b"\xff\xfe loss=7\n")).value == "7"


@given(st.lists(st.integers(0, 40), max_size=6))
async def test_chunk_boundaries_do_not_matter(cuts: list[int]) -> None:
    text = b"epoch 1 loss=0.5\nepoch 2 loss=0.25\nend\n"
    places = sorted({0, len(text), *(min(c, len(text)) for c in cuts)})
    parts = [text[a:b] for a, b in itertools.pairwise(places)]
    assert (await read(*parts)).value == "0.25"
