"""Columns of text: their width on a terminal, and which of them fit.

Imports rich's table of wide characters only for text that is not ASCII, so that ``sweep status`` starts fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sweep_operator.api.visible_text import visible_text
from sweep_operator.views.figures import format_for, number

LEFT = frozenset({"NAMESPACE", "NAME", "STATUS", "ORIGIN", "RUN", "STAGE", "NODE", "PROGRESS"})
GAP = 3
"""Spaces between columns."""
_LONGEST_VALUE = 24
_SPACES = re.compile(r"[\t\n\u2028\u2029]")


@dataclass(frozen=True)
class Column:
    """A column: header and cells, each one line of visible text. ``rank`` 0: always shown; others give way first."""

    name: str
    cells: tuple[str, ...]
    left: bool = False
    rank: int = 0

    @cached_property
    def width(self) -> int:
        """Terminal cells of its widest line."""
        return max(map(cell_width, (self.name, *self.cells)))

    def lines(self) -> list[str]:
        """Header and cells, padded to the same width."""
        padded = str.ljust if self.left else str.rjust
        return [padded(text, self.width - cell_width(text) + len(text)) for text in (self.name, *self.cells)]


def column(name: str, cells: Iterable[str], *, left: bool | None = None, rank: int = 0) -> Column:
    """A column of text from anywhere. ``left``: aligned left; by default as the name says."""
    shown, *lines = (t if t.isprintable() else _SPACES.sub(" ", visible_text(t)) for t in (name, *cells))
    return Column(shown, tuple(lines), name in LEFT if left is None else left, rank)


def columns_of(names: Sequence[str], rows: Sequence[Sequence[str]], ranks: Mapping[str, int] = {}) -> list[Column]:
    """The columns of rows."""
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    return [column(n, c, rank=ranks.get(n, 0)) for n, c in zip(names, cells, strict=True)]


def fitting(columns: Sequence[Column], width: int | None, gap: int) -> list[Column]:
    """Without the columns that do not fit into ``width``; the highest rank gives way first. None: unlimited."""
    kept = list(columns)
    while width is not None and sum(c.width for c in kept) + gap * (len(kept) - 1) > width:
        last = max(kept, key=lambda c: c.rank)
        if last.rank == 0:
            break
        kept.remove(last)
    return kept


def text_table(columns: Sequence[Column]) -> str:
    """A table as kubectl prints it: plain text for cut, awk and grep."""
    lines = [c.lines() for c in columns]
    return "\n".join((" " * GAP).join(line).rstrip() for line in zip(*lines, strict=True))


def parameter_columns(paths: Sequence[str], values: Sequence[Mapping[str, object]], rank: int) -> list[Column]:
    """A column per parameter, under the end of its path that no other one has. ``values``: those of each run."""
    columns = []
    for place, (path, name) in enumerate(zip(paths, short_names(paths), strict=True)):
        found = [value.get(path) for value in values]
        words = any(isinstance(v, str) for v in found)
        written = format_for(found, exact=True)
        columns.append(column(name, (value_text(v, written) for v in found), left=words, rank=rank + place))
    return columns


def short_names(paths: Sequence[str]) -> list[str]:
    """The shortest ends of dotted paths that are different: ``optimizer.lr`` and ``model.lr``, but ``gamma``."""
    names = []
    for path in paths:
        parts = path.split(".")
        ends = [".".join(parts[-n:]) for n in range(1, len(parts) + 1)]
        names.append(next((e for e in ends if sum(p == e or p.endswith(f".{e}") for p in paths) == 1), path))
    return names


def value_text(value: object, written: Callable[[object], str] = number) -> str:
    """The value of a parameter, short enough for a table."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return written(value)
    return shortened(value, _LONGEST_VALUE)


def shortened(text: str, width: int) -> str:
    """The text, or its beginning with an ellipsis if it takes more than ``width`` terminal cells."""
    if cell_width(text) <= width:
        return text
    end = width - 1
    while cell_width(text[:end]) >= width:
        end -= 1
    return f"{text[:end]}…"


def cell_width(text: str) -> int:
    """Terminal cells that the text takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
