"""What the model says about a sweep, as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from protein.analysis.pareto import goal_sign
from sweep_operator.api.model import Scalar
from sweep_operator.views.columns import Column, column, text_table, value_text
from sweep_operator.views.figures import format_for, number
from sweep_operator.views.page.explanations import (
    Contour,
    Importance,
    Outlook,
    ParameterSlice,
    Range,
    Slices,
    Why,
)

Name = Callable[[str], str]
"""The name of a run as the program writes it, from that of its object."""
_SLICE_ROWS = 20
_CONTOUR_CELLS = 9
"""Rows and columns of a contour in a terminal."""


def overview(importance: Importance | None, slices: Slices, name: Name) -> str:
    """One row per parameter: its importance, its value in the best run, and the best value along its slice."""
    if not slices.parameters:
        return f"Parameters: {slices.note}"
    shares = importance.shares if importance is not None else {}
    parts = sorted(slices.parameters, key=lambda p: -shares.get(p.path, 0.0))
    best = [(part, _best(part, slices.goal)) for part in parts]
    scores = format_for([value for part, i in best for value in (part.low[i], part.high[i])])
    table = [
        column("PARAMETER", (p.path for p in parts), left=True),
        column("IMPORTANCE", (f"{shares[p.path]:.0%}" if p.path in shares else "" for p in parts)),
        column("VALUE", (value_text(slices.at.get(p.path, "")) for p in parts)),
        column("BEST AT", (value_text(p.grid[i]) for p, i in best)),
        column("SCORE THERE", (scores(p.mean[i]) for p, i in best)),
        column("80% INTERVAL", (f"{scores(p.low[i])} to {scores(p.high[i])}" for p, i in best)),
    ]
    of = f"of {name(slices.run)}" if slices.run is not None else "of the best result"
    lines = [text_table(table), f"VALUE: {of}. BEST AT: the best predicted value if only this parameter changes."]
    lines += [f"{part.path}: with {_assumed(part)}, because it is absent otherwise." for part in parts if part.assumed]
    notes = {note for note in (slices.note, "" if shares or importance is None else importance.note) if note}
    return "\n".join([*lines, *sorted(notes)])


def _best(part: ParameterSlice, goal: str) -> int:
    """The index of the best predicted value that the constraints allow."""
    allowed = part.allowed or [True] * len(part.grid)
    sign = goal_sign(goal)
    return max(range(len(part.grid)), key=lambda i: (allowed[i], sign * part.mean[i]))


def _assumed(part: ParameterSlice) -> str:
    return ", ".join(f"{path}={value_text(value)}" for path, value in part.assumed.items())


def slice_table(part: ParameterSlice) -> str:
    """One row per value of the parameter, or per second value if there are many."""
    rows = range(0, len(part.grid), 1 if len(part.grid) <= _SLICE_ROWS else 2)
    scores = format_for([*part.mean, *part.low, *part.high])
    columns = [column(part.path, [_values(part.grid)[i] for i in rows])]
    for title, cells in (("SCORE", part.mean), ("LOW", part.low), ("HIGH", part.high)):
        columns.append(column(title, (scores(cells[i]) for i in rows)))
    for title, known in (("COST", part.cost), ("COST LOW", part.cost_low), ("COST HIGH", part.cost_high)):
        if known is not None:
            columns.append(column(title, (number(known[i]) for i in rows)))
    for metric, found in part.metrics.items():
        ranges = (Range(expected=found.mean[i], low=found.low[i], high=found.high[i]) for i in rows)
        columns.append(column(metric, map(_range, ranges)))
    if part.success is not None:
        columns.append(column("SUCCESS", (f"{part.success[i]:.0%}" for i in rows)))
    if part.allowed is not None:
        columns.append(column("ALLOWED", ("yes" if part.allowed[i] else "no" for i in rows)))
    return text_table(columns) + (f"\nwith {_assumed(part)}" if part.assumed else "")


def contour_table(found: Contour) -> str:
    """The predicted score, a row per value of y and a column per value of x, at most nine of each."""
    if not found.mean:
        return f"Contour: {found.note}"
    rows, cells = _spread(len(found.grid_y)), _spread(len(found.grid_x))
    scores = format_for([found.mean[i][j] for i in rows for j in cells])

    def cell(i: int, j: int) -> str:
        return "-" if found.allowed is not None and not found.allowed[i][j] else scores(found.mean[i][j])

    titles = _values([found.grid_x[j] for j in cells])
    columns: list[Column] = [column(f"{found.y} \\ {found.x}", _values([found.grid_y[i] for i in rows]), left=True)]
    columns += [column(title, (cell(i, j) for i in rows)) for title, j in zip(titles, cells, strict=True)]
    return "\n".join([text_table(columns), *([found.note] if found.note else [])])


def outlook_lines(found: Outlook) -> Iterator[str]:
    """What the next runs are expected to buy."""
    runs = "The next run" if found.runs == 1 else f"The next {found.runs} runs"
    if found.best is None:
        yield f"{runs}: {found.note}"
        return
    now = "" if found.best_now is None else f", now {number(found.best_now)}"
    yield f"{runs} (80% intervals):"
    yield f"  best score: {_range(found.best)}{now}"
    if found.probability_better is not None:
        yield f"  probability of a better score: {found.probability_better:.0%}"
    if found.cost is not None:
        unit = "" if found.cost_unit == "reported" else f" {found.cost_unit}"
        yield f"  cost: {_range(found.cost)}{unit}"
    if found.front_gain is not None:
        low, middle, high = (
            f"{value:.0%}" for value in (found.front_gain.low, found.front_gain.expected, found.front_gain.high)
        )
        yield f"  growth of the front's area: {middle} ({low} to {high})"
    if found.assumptions:
        yield f"  Assumed: {' '.join(found.assumptions)}"
    if found.note:
        yield f"  {found.note}"


def why_lines(found: Why, name: Name, named: Mapping[str, str]) -> Iterator[str]:
    """Why a run was suggested. ``named``: names of objects in the sentences, and how to write them."""
    yield f"{name(found.run)}: origin {found.origin}"
    for sentence in found.sentences:
        for old, new in sorted(named.items(), key=lambda pair: -len(pair[0])):
            sentence = sentence.replace(old, new)
        yield f"  {sentence}"
    for quantity, value in (("score", found.score), ("cost", found.cost)):
        if value is not None:
            yield f"  predicted {quantity}: {_range(value)}"
    if found.parameters:
        yield ""
        best = "BEST RUN" if found.best is None else name(found.best)
        rows = found.parameters
        yield text_table(
            [
                column("PARAMETER", (r.path for r in rows), left=True),
                column("VALUE", (value_text(r.value) for r in rows)),
                column(best, ("" if r.best is None else value_text(r.best) for r in rows)),
                column("COMPARED", (r.text for r in rows), left=True),
            ]
        )
    if found.note:
        yield f"note: {found.note}"


def _range(found: Range) -> str:
    written = format_for([found.expected, found.low, found.high])
    return f"{written(found.expected)} ({written(found.low)} to {written(found.high)})"


def _values(values: Sequence[Scalar]) -> list[str]:
    written = format_for(values, exact=True)
    return [value_text(value, written) for value in values]


def _spread(count: int) -> list[int]:
    if count <= _CONTOUR_CELLS:
        return list(range(count))
    return [round(i * (count - 1) / (_CONTOUR_CELLS - 1)) for i in range(_CONTOUR_CELLS)]
