"""Results and failure patterns in logs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.template import with_numbers
from sweep_operator.decide.accept import misses_nan
from sweep_operator.decide.attempt import LogReading, LogRequest
from sweep_operator.engine import logs
from sweep_operator.engine.background import Background
from sweep_operator.engine.logs import BATCH_BYTES, PATIENCE, RETRY_SECONDS, TAILS, Logs, scan
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import KubeError, NotFound, Unavailable
from sweep_operator.sandbox.reports import MAX_LINE
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
        (r"a={a} loss=(?P<loss>[0-9.]+)", True), (r"(?P<a>[0-9]+) loss={loss}", False),
        (r"loss=(?P<value>\S+)", False), (r"loss=(?P<value>[0-9.]+|nan)", False), ("loss={value}", False),
    ],
)  # fmt: skip
def test_patterns_that_cannot_match_nan_are_found(pattern: str, misses: bool) -> None:
    assert misses_nan(pattern, "loss") is misses


async def test_no_match_is_none() -> None:
    assert (await read(b"hello\n")).value is None


async def test_a_progress_bar_without_newlines_is_read_too() -> None:
    assert (await read(b"loss=3\rloss=1e-3\r")).value == "1e-3"
    long = b"." * (MAX_LINE + 10)
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


async def test_lines_longer_than_a_batch_are_cut() -> None:
    long = b"." * (2 * BATCH_BYTES + 10)
    assert (await read(b"loss=3\n", long, long, b"loss=4 ", long, b"\n")).value == "4"


class Log(EmbeddedKube):
    """One log, and errors that come before it."""

    def __init__(self, content: bytes, *errors: KubeError) -> None:
        super().__init__(None, clock=lambda: datetime.now(UTC))
        self.content, self.errors = content, list(errors)
        self.tails: list[int | None] = []

    async def read_log(
        self, namespace: str, pod: str, container: str = "main", *, tail: int | None = None, **_: object
    ) -> AsyncIterator[bytes]:
        self.tails.append(tail)
        if self.errors:
            raise self.errors.pop(0)
        yield b"".join(self.content.splitlines(keepends=True)[-(tail or 0) :])


class Reading:
    """The reading of one log by Logs."""

    def __init__(self, kube: Log) -> None:
        self.now, self.delays = 0.0, list[float]()
        self.background = Background("test", self.delays.append, 1.0)
        self.logs = Logs(kube, InProcess(), self.background, lambda: self.now)

    async def read(self) -> LogReading | None:
        self.logs.read("ns", [LogRequest("p", "u", PATTERN, ())])
        while self.background.running:
            await asyncio.sleep(0)
        return self.logs.readings.get("u")


async def test_of_a_log_that_is_too_long_the_last_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 1 << 20)
    kube = Log(b"loss=1\n" + b"x" * 99 + b"\n" + (b"y" * 60 + b"\n") * 20_000 + b"loss=2\n")
    assert await Reading(kube).read() == LogReading(value="2")
    assert kube.tails == [100_000, 10_000]
    found = await Reading(endless := Log((b"z" * 99_999 + b"\n") * 100)).read()
    assert found is not None
    assert found.error == "the last 100 lines of the log have more than 1 MiB; write shorter lines"
    assert endless.tails == list(TAILS)


async def test_an_unreachable_kubelet_is_asked_again() -> None:
    """The container has ended with a result, which must not be lost with one request."""
    reading = Reading(Log(b"loss=2\n", Unavailable("502"), Unavailable("502")))
    assert await reading.read() is None
    assert reading.delays == [RETRY_SECONDS]
    assert await reading.read() is None
    assert await reading.read() == LogReading(value="2")


async def test_a_log_that_stays_unreadable_is_given_up() -> None:
    reading = Reading(Log(b"", *[Unavailable("no route to host")] * 9))
    assert await reading.read() is None
    reading.now = PATIENCE
    assert await reading.read() == LogReading(error="cannot read the log: no route to host")
    assert await Reading(Log(b"", NotFound("rotated"))).read() == LogReading(error="cannot read the log: rotated")
