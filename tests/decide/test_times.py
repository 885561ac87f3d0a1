"""Times of objects: what is written is read again, in every form of RFC 3339 that an API server or a program writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.domain.times import EPOCH, parse_time, time_text

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-7))])
TIMES = st.datetimes(datetime(1971, 1, 2), datetime(9999, 12, 30), timezones=ZONES)


@given(TIMES)
def test_a_written_time_is_read_again(time: datetime) -> None:
    text = time_text(time)
    assert text.endswith("Z")
    assert "+" not in text
    assert parse_time(text) == time
    assert parse_time(time.isoformat()) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (None, None), ("", None), ("0001-01-01T00:00:00Z", None), ("1970-01-01T00:00:00Z", None),
        ("2026-03-01T09:00:00.123456789Z", datetime(2026, 3, 1, 9, 0, 0, 123456, UTC)),
        ("2026-03-01T09:00:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00-07:00", datetime(2026, 3, 1, 16, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_forms_of_a_time(text: str | None, time: datetime | None) -> None:
    assert parse_time(text) == time


def test_the_first_year_and_a_lease_are_written() -> None:
    assert time_text(datetime.min) == "0001-01-01T00:00:00Z"
    assert time_text(datetime.max.replace(tzinfo=timezone(timedelta(hours=-7)))).startswith("9999-12-31T")
    assert time_text(EPOCH, "microseconds") == "1971-01-01T00:00:00.000000Z"
