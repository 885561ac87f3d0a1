"""Numbers and times for people."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sweep_operator.domain.times import parse_time

_DIGITS, _MOST_DIGITS = 4, 8


def number(value: object, digits: int = _DIGITS) -> str:
    """``digits`` significant digits, and at least all before the decimal point; whole numbers in full. Up to 1e10."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e10:
        return str(int(value))
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e10 else f"{value:.{digits}g}"


def finite(value: float) -> float:
    """``value``, or the largest number instead of an infinite one, which JSON does not have. Not a number: 0."""
    largest = sys.float_info.max
    return 0.0 if math.isnan(value) else min(largest, max(-largest, value))


def format_for(values: Iterable[object], *, exact: bool = False) -> Callable[[object], str]:
    """How the numbers of a column are written: with the digits that tell them apart, and the same number of decimals.

    Numbers of very different size have significant digits in common instead: if a quarter of them would lose two
    digits, and with ``exact`` if one of them would lose one.
    """
    found = [v for v in values if isinstance(v, (int, float)) and math.isfinite(v)]
    digits, sizes = _digits_for(found), sorted(abs(v) for v in found if v)
    whole = all(v == int(v) for v in found)
    if whole or sizes[-1] > (10 * sizes[0] if exact else 100 * sizes[len(sizes) // 4]) or not 1e-4 <= sizes[-1] < 1e10:
        return lambda value: number(value, digits)
    most = max(0, digits - 1 - math.floor(math.log10(sizes[-1])))
    decimals = max(len(f"{v:.{most}f}".rstrip("0").partition(".")[2]) for v in found)

    def fixed(value: object) -> str:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"{value:.{decimals}f}" if is_number else ""

    return fixed


def _digits_for(values: Sequence[float]) -> int:
    """Significant digits that tell the middle half of ``values`` apart: 0.99912, 0.99934 and 0.1 need 5."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    middle = ordered[quarter : len(ordered) - quarter]
    spread = middle[-1] - middle[0] if middle else 0.0
    if not 0 < spread < math.inf:
        return _DIGITS
    largest = max(abs(middle[0]), abs(middle[-1]))
    return min(_MOST_DIGITS, max(_DIGITS, math.floor(math.log10(largest)) - math.floor(math.log10(spread)) + 2))


def age(created: str | None, now: datetime) -> str:
    """``45s``, ``3m``, ``2h``, ``5d``, as in kubectl."""
    then = parse_time(created)
    return "" if then is None else duration((now - then).total_seconds())


def duration(seconds: float) -> str:
    """One unit, or two if the first is small: ``90s``, ``5m``, ``2h10m``, ``3d``."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if hours < 2:
        return f"{minutes}m"
    if hours < 10 and minutes % 60:
        return f"{hours}h{minutes % 60}m"
    return f"{hours}h" if hours < 48 else f"{days}d"


def run_time(ended: bool, seconds: float, created: str | None, now: datetime) -> str:
    """How long the programs of a run that has ended ran, ``0.42s`` or ``5m``; else its age."""
    if not ended:
        return age(created, now)
    if not seconds:
        return ""
    return f"{seconds:.2g}s" if seconds < 9.5 else duration(seconds)
