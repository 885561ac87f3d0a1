"""Start a sweep on this machine and print its summary.

The page's server is imported inside a function: it needs an extra, and only ``--ui`` needs it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.cli.driver import Ended, drive
from sweep_operator.commands.checks import check_sources
from sweep_operator.commands.failures import FAILED, INTERRUPTED, UNDELIVERED
from sweep_operator.commands.options import DEFAULT_RUNS_DIR
from sweep_operator.commands.output import echo
from sweep_operator.config.load import load_sweep
from sweep_operator.config.patch import typed_parameters, yaml_block
from sweep_operator.decide.summary import ranked
from sweep_operator.domain.conditions import joined
from sweep_operator.engine.log_keys import AddLogKeys
from sweep_operator.kube.state_file import is_locked
from sweep_operator.local import LocalSession
from sweep_operator.machine.resume import resume_command, write_resume_command
from sweep_operator.machine.stored import STATE
from sweep_operator.views.labels import label
from sweep_operator.views.live import LineView, TableView, View
from sweep_operator.views.progress import stop_reason, tracking_lines, undelivered

_REPORTED_AS_EVENTS = (
    "sweep_operator.engine.recorder", "sweep_operator.suggest.pool", "sweep_operator.tracking.delivery.outbox",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """How the user follows the sweep."""

    plain: bool = False
    """One line per event, even on a terminal."""
    page: bool = False
    """With the page, too."""


def start(
    arguments: tuple[str, ...], config_dir: Path | None, runs_dir: Path | None, shown: Shown, *, new_runs: int | None
) -> None:
    """Run the sweep; ``new_runs``: stop after that many new runs. Raises click's Exit with the command's exit code."""
    loaded = load_sweep(arguments, config_dir, runs_dir)
    session = LocalSession(loaded.runs_dir, loaded.manifest, extras=loaded.extras)
    if not (session.directory / STATE).exists():  # a resumed sweep has already read its sources
        check_sources(parse(Sweep, loaded.manifest))
    for note in loaded.notes:
        echo(f"note: {note}", err=True)
    command = _command(arguments, config_dir, runs_dir)
    if not is_locked(session.directory / STATE):
        write_resume_command(session.directory, command)
    table = sys.stdout.isatty() and not shown.plain
    view: View = TableView(Console(), lambda: datetime.now(UTC)) if table else LineView(_say)
    try:
        with _warnings_to(view):
            ended = asyncio.run(_driven(session, view, new_runs, shown.page))
    finally:
        view.close()
    for line in _summary(ended, session.directory):
        _say(line)
    if ended.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if not ended.succeeded:
        raise click.exceptions.Exit(FAILED)
    if undelivered(ended.sweep, ended.runs):
        raise click.exceptions.Exit(UNDELIVERED)


async def _driven(session: LocalSession, view: View, new_runs: int | None, page: bool) -> Ended:
    """Drive the session; ``page``: serve the page as long as it runs, with changes, which the user may make anyway."""
    if not page:
        return await drive(session, view, new_runs=new_runs)
    from sweep_operator.ui.here import page_here
    from sweep_operator.ui.machine_page import machine_page

    async with page_here(machine_page(session.runs_dir, writes=True)) as url:
        view.say(f"Page: {url}")
        return await drive(session, view, new_runs=new_runs)


def _say(line: str) -> None:
    """Print a line. A full disk behind standard output must not end the sweep, and does not fail it."""
    try:
        echo(line)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(arguments: Sequence[str], config_dir: Path | None, runs_dir: Path | None) -> list[str]:
    """The words of this command. A runs directory may come from the environment."""
    options = {"--config-dir": config_dir, "--runs-dir": runs_dir}
    given = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    return ["sweep", str(click.get_current_context().info_name), *arguments, *given]


class _WarningsHandler(logging.Handler):
    """Shows the warnings of this process, except those that the sweep reports as an Event."""

    def __init__(self, view: View) -> None:
        super().__init__(logging.WARNING)
        self._view = view
        self.addFilter(AddLogKeys())

    def emit(self, record: logging.LogRecord) -> None:
        if record.name in _REPORTED_AS_EVENTS:
            return
        about = getattr(record, "run", None) or getattr(record, "sweep", None) or "warning"
        text = record.getMessage() + (f": {record.exc_info[1]!r}" if record.exc_info else "")
        self._view.warn(f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%S} {about} {text}")


@contextmanager
def _warnings_to(view: View) -> Iterator[None]:
    root, handler = logging.getLogger(), _WarningsHandler(view)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _summary(ended: Ended, directory: Path) -> Iterator[str]:
    sweep, runs = ended.sweep, ended.runs
    reason = stop_reason(sweep)
    yield ""
    if ended.interrupted:
        yield f"Interrupted. To resume, run: {resume_command(directory)}"
    elif reason:
        yield reason
        if reason.startswith("Stopped"):
            yield f"To resume, run: {resume_command(directory)}"
        elif not ended.succeeded:
            yield f"To continue after a correction, run: {resume_command(directory)}"
    scored = ranked(sweep, runs)
    if scored:
        best = scored[0]
        cost = "" if best.status.cost is None else f", cost {best.status.cost:.4g}"
        yield f"Best: {label(best)}, score {best.status.score:.4f}{cost}\n"
        yield yaml_block(typed_parameters(sweep, best.parameters)) + "\n"
    else:
        yield "No run has a score."
        last = next((r for r in reversed(runs) if r.status.failure), None)
        if last is not None and (failure := last.status.failure) is not None:
            yield f"Last failure: {label(last)} {joined(failure.reason, failure.message)}"
    yield f"Runs:   {directory / 'runs'}"
    where = "" if directory.parent == DEFAULT_RUNS_DIR.resolve() else f" --runs-dir {directory.parent}"
    yield from (f"W&B:    {line}" for line in tracking_lines(sweep, runs, where))
    if scored:
        yield f"Params: sweep best-params sweep_run={sweep.display_name}{where}"
        yield f"Report: sweep report {sweep.display_name}{where}"
