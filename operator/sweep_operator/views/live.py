"""The live view of ``sweep run``: a table on a terminal, one line per event elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.visible_text import visible_text
from sweep_operator.domain.conditions import joined
from sweep_operator.views.columns import fitting
from sweep_operator.views.events import read_event
from sweep_operator.views.figures import duration, format_for, number
from sweep_operator.views.progress import eta_seconds, live_columns, shown_runs, stage, stop_reason, trouble
from sweep_operator.views.tables import early_stopping_line, spent

_LINES_BESIDE_THE_TABLE = 14
_FRONT_SHOWN = 6
_GAP = 2
"""Spaces between columns."""
_STYLE_OF_STAGE = {"done": "green", "train": "cyan", "eval": "magenta"}


class TableView:
    """A table that is redrawn in place."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self._console, self._now = console, now
        self._message = self._waits_for = ""
        self._last: tuple[Sweep, list[SweepRun]] | None = None
        self._live = Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop")
        self._live.start()

    def show(
        self, sweep: Sweep, runs: Sequence[SweepRun], events: Sequence[dict[str, Any]], waits_for: str = ""
    ) -> None:
        """Redraw the table; warnings stay visible above it. ``waits_for``: shown below it while it is given."""
        for event in _once(events):
            if event.get("type") == "Warning":
                self.warn(event_line(event))
        self._last, self._waits_for = (sweep, list(runs)), waits_for
        self._draw()

    def say(self, message: str) -> None:
        """Show the message below the table."""
        self._message = message
        self._draw()

    def warn(self, line: str) -> None:
        """Show the line above the table, where it stays."""
        self._live.console.print(_text(line, style="yellow"))

    def close(self) -> None:
        """Stop updating; the last table stays visible."""
        self._live.stop()

    def _draw(self) -> None:
        if self._last is None:
            return
        room = max(4, self._console.size.height - _LINES_BESIDE_THE_TABLE)
        parts: list[RenderableType] = [dashboard(*self._last, self._now(), room, self._console.size.width)]
        parts += [_text(line, style="bold yellow") for line in (self._waits_for, self._message) if line]
        self._live.update(Group(*parts), refresh=True)


class LineView:
    """One line per event, for logs and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._waits_for = ""

    def show(
        self, sweep: Sweep, runs: Sequence[SweepRun], events: Sequence[dict[str, Any]], waits_for: str = ""
    ) -> None:
        """Write the new events, and ``waits_for`` when it changes."""
        for event in _once(events):
            self._write(event_line(event))
        if waits_for and waits_for != self._waits_for:
            self._write(waits_for)
        self._waits_for = waits_for

    def say(self, message: str) -> None:
        """Write the message."""
        self._write(message)

    warn = say

    def close(self) -> None:
        """Do nothing."""


View = TableView | LineView


def _once(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the Events that repeat a run's Event on its sweep, for `kubectl describe sweep`."""
    return [e for e in events if (e.get("reason"), e.get("involvedObject", {}).get("kind")) != ("RunFailed", "Sweep")]


def event_line(event: dict[str, Any]) -> str:
    """``12:03:04 cartpole.r.3 RunCreated: ...``."""
    found = read_event(event)
    text = found.message if found.message != found.reason else ""
    line = f"{found.time[11:19]} {found.about} {joined(found.reason, text)}"
    return " ".join(visible_text(line).split("\n")).strip()


def dashboard(sweep: Sweep, runs: Sequence[SweepRun], now: datetime, room: int, width: int) -> RenderableType:
    """The table of runs, the best run, the Pareto front, the cost spent and the estimated time remaining."""
    status = sweep.status
    best = status.best[0] if status.best else None
    shown = shown_runs(runs, best.run if best else None, room)
    parts: list[RenderableType] = [_headline(sweep), _table(sweep, shown, now, width)]
    if len(shown) < len(runs):
        parts.append(_text(f"… and {len(runs) - len(shown)} earlier runs", style="dim"))
    parts.append(_text("score and cost: predicted → actual; ★ best, ◆ Pareto-optimal", style="dim"))
    if best is not None:
        score = format_for([b.score for b in status.best])(best.score)
        parts.append(_text(f"Best    {best.run}  score {score}  cost {number(best.cost)}", style="bold green"))
    if len(status.pareto) > 1:
        parts.append(_text("Front   " + _front(sweep)))
    parts.append(_spent(sweep, runs, now))
    if stopped := early_stopping_line(sweep.to_json()):
        parts.append(_text(f"Pruned  {stopped}"))
    parts += [_text(line, style="bold red") for line in trouble(sweep)]
    reason = stop_reason(sweep)
    if reason:
        parts.append(_text(f"Ended   {reason}", style="bold"))
    return Group(*parts)


def _table(sweep: Sweep, runs: Sequence[SweepRun], now: datetime, width: int) -> Table:
    """The columns that fit into ``width``."""
    columns = fitting(live_columns(sweep, runs, now), width, _GAP)
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False, padding=(0, _GAP, 0, 0))
    for column in columns:
        table.add_column(column.name, justify="left" if column.left else "right", no_wrap=True)
    for run, *cells in zip(runs, *(column.cells for column in columns), strict=True):
        styles = [_style(run) if column.name == "STAGE" else "" for column in columns]
        table.add_row(*map(_text, cells, styles))
    return table


def _style(run: SweepRun) -> str:
    return "yellow" if run.pruned else "red" if run.failed else _STYLE_OF_STAGE.get(stage(run).split(" ")[0], "")


def _headline(sweep: Sweep) -> RenderableType:
    counts, limits = sweep.status.runs, sweep.spec.limits
    over = counts.succeeded + counts.failed + counts.pruned
    grid = Table.grid(padding=(0, 2))
    shown = (("failed", counts.failed), ("pruned", counts.pruned))
    failed = "".join(f", {count} {word}" for word, count in shown if count)
    text = Text.assemble(_text(sweep.display_name, "bold"), f"  {over} of {limits.max_runs} runs{failed}")
    grid.add_row(text, ProgressBar(total=max(1, limits.max_runs), completed=over, width=30))
    return grid


def _front(sweep: Sweep) -> str:
    points = sweep.status.pareto
    cut = points if len(points) <= _FRONT_SHOWN else [*points[: _FRONT_SHOWN - 1], points[-1]]
    score, cost = format_for(p.score for p in points), format_for(p.cost for p in points)
    others = ["".join(f", {name} {number(v)}" for name, v in (p.metrics or {}).items()) for p in cut]
    return " · ".join(f"{score(p.score)} at {cost(p.cost)}{more}" for p, more in zip(cut, others, strict=True))


def _spent(sweep: Sweep, runs: Sequence[SweepRun], now: datetime) -> Text:
    cost, eta = sweep.status.cost, None if stop_reason(sweep) else eta_seconds(sweep, runs, now)
    text = f"Spent   {spent(cost.spent, sweep.spec.limits.total_cost, cost.unit, cost.wasted)}"
    return _text(text + (f", about {duration(eta)} remaining" if eta else ""))


def _text(text: str, style: str = "") -> Text:
    """Text without rich's markup and without terminal escape sequences."""
    return Text(visible_text(text), style=style)
