"""Results and failure patterns in logs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.decide.outcome import LogReading, LogRequest
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
