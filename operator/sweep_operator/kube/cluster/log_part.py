"""The new part of a container's log, as a kubelet returns it: lines that begin with their time.

The API server cuts ``sinceTime`` to whole seconds, so lines are returned again; ``limitBytes`` keeps the oldest ones.
"""

from __future__ import annotations

import re
from datetime import datetime

from sweep_operator.kube.protocol import LogPart

TAILS = (200, 3)
"""Number of last lines that are read if a log grows faster than it is read; the next one if they exceed the limit. A
node cuts lines into pieces of 16 KiB, which count here."""
_FRACTION = re.compile(r"\.(\d{1,9})")


def part_of(data: bytes, position: str, limit: int, *, last: bool) -> LogPart:
    """The complete lines that are newer than ``position``, the time of the last line before."""
    cut = len(data) >= limit
    lines = data.decode(errors="replace").split("\n")
    end = next((stamp for line in reversed(lines) if _order(stamp := line.partition(" ")[0]) is not None), position)
    if len(lines) > 1 and (cut or not last):
        lines.pop()  # it is empty, or incomplete
    before = _order(position)
    while lines and before is not None and (at := _order(lines[0].partition(" ")[0])) is not None and at <= before:
        lines.pop(0)
    stamps = (line.partition(" ")[0] for line in reversed(lines))
    after = next((stamp for stamp in stamps if _order(stamp) is not None), position)
    return LogPart("\n".join(lines), True, _seconds(after), after, end, more=cut)


def _order(stamp: str) -> tuple[float, int] | None:
    """Seconds and nanoseconds. The fraction has up to nine digits, and may be absent."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    fraction = _FRACTION.search(stamp)
    nanoseconds = 0 if fraction is None else int(fraction[1].ljust(9, "0"))
    return None if moment.tzinfo is None else (moment.replace(microsecond=0).timestamp(), nanoseconds)


def _seconds(stamp: str) -> float:
    order = _order(stamp)
    return 0.0 if order is None else order[0] + order[1] / 1e9
