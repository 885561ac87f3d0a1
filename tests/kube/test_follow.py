"""The new part of a log: of a file on one machine, and of a kubelet's log with its times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.kube.cluster import log_part
from sweep_operator.kube.embedded.follow import part_of

LIMIT = 64 * 1024


def test_a_file_is_read_from_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthr")
    first = part_of(path, "", LIMIT, last=False, skip=False)
    assert (first.text, first.position, first.more) == ("one\ntwo\n", "8", False)
    path.write_bytes(b"one\ntwo\nthree\rfour")
    second = part_of(path, first.position, LIMIT, last=False, skip=False)
    assert second.text == "three\r", "a progress bar ends its line with a carriage return"
    assert part_of(path, second.position, LIMIT, last=True, skip=False).text == "four"
    assert first.end != second.end, "an incomplete line is output too"


def test_a_file_that_has_become_shorter_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"new\n")
    assert part_of(path, "1000", LIMIT, last=False, skip=False).text == "new\n"


@pytest.mark.parametrize("content", [b"x", b"\x00\xff\x80", b"\r"])
def test_100_mb_without_a_line_break_are_read_in_bounded_parts(content: bytes, tmp_path: Path) -> None:
    path, size = tmp_path / "log", 100 << 20
    with path.open("wb") as file:
        file.write(content * (LIMIT // len(content)))
        file.truncate(size)
    part = part_of(path, "", LIMIT, last=False, skip=False)
    assert len(part.text) <= LIMIT
    assert 0 < int(part.position) <= LIMIT
    assert part.more
    end = part_of(path, part.position, LIMIT, last=False, skip=True)
    assert not end.more
    assert int(end.position) == size


class Kubelet:
    """Lines with times. As an API server does, it cuts sinceTime to seconds, and limitBytes keeps the oldest bytes."""

    def __init__(self, gaps: list[int]) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        self.lines: list[tuple[datetime, str]] = []
        for number, gap in enumerate(gaps):
            at += timedelta(microseconds=gap)
            stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}{number % 1000:03d}Z"
            self.lines.append((at, f"{stamp} line {number}\n"))

    def read(self, position: str, limit: int, tail: int | None = None) -> bytes:
        since = datetime.fromisoformat(position).replace(microsecond=0) if position and tail is None else None
        lines = [text for at, text in self.lines if since is None or at >= since]
        return "".join(lines[-(tail or 0) :]).encode()[:limit]


@given(st.lists(st.integers(1, 700_000), max_size=60), st.integers(600, 2000), st.integers(0, 60))
def test_every_line_is_read_once(gaps: list[int], limit: int, shown: int) -> None:
    kubelet = Kubelet(gaps)
    everything = kubelet.lines
    found, position = list[str](), ""
    kubelet.lines = everything[:shown]
    for round_ in range(100):
        part = log_part.part_of(kubelet.read(position, limit), position, limit, last=False)
        if part.position == position:
            if part.more:
                return  # more lines within a second than fit into the limit: the reader skips ahead
            if round_:
                kubelet.lines = everything
            if len(found) == len(everything):
                break
        found += [line.partition(" ")[2] for line in part.text.split("\n") if line]
        position = part.position
    assert found == [f"line {number}" for number in range(len(gaps))]


@pytest.mark.parametrize("zone", ["Z", "+02:00"])
@pytest.mark.parametrize("fraction", ["", ".1", ".123456789"])
def test_times_have_several_forms(zone: str, fraction: str) -> None:
    stamp = f"2026-01-01T00:00:01{fraction}{zone}"
    part = log_part.part_of(f"{stamp} a\n".encode(), "", LIMIT, last=False)
    assert part.position == stamp
    assert log_part.part_of(f"{stamp} a\n".encode(), stamp, LIMIT, last=False).text == ""


def test_a_line_that_fills_the_limit_is_taken_as_it_is() -> None:
    data = b"2026-01-01T00:00:01.5Z " + b"x" * LIMIT
    part = log_part.part_of(data[:LIMIT], "", LIMIT, last=False)
    assert part.more
    assert part.position == "2026-01-01T00:00:01.5Z"
    assert log_part.part_of(data[:LIMIT], part.position, LIMIT, last=False).text == ""


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"no time\n"])
def test_what_has_no_time_is_harmless(data: bytes) -> None:
    assert log_part.part_of(data, "", LIMIT, last=True).position == ""
