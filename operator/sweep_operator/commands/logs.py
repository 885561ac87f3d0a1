"""``logs``: one log of a run, or all of them as they come."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import click

from sweep_operator.commands.names import RUN_NAME
from sweep_operator.commands.options import Decorator, grouped
from sweep_operator.commands.output import echo, visible_lines
from sweep_operator.commands.place import LogOptions, LogSource, Place, Program, StageLog
from sweep_operator.domain.conditions import has_ended
from sweep_operator.kube.protocol import NotFound, Object
from sweep_operator.views.tables import run_state

LOG_STAGES = ("train", "eval")
_POLL = 1.0
"""Seconds between requests while waiting for the next log."""


class NoLog(Exception):
    """There is no log. The message says why and what to do."""


def title_of(stage: str, attempt: int) -> str:
    """``train, attempt 2``."""
    return stage + (f", attempt {attempt}" if attempt > 1 else "")


def logs_command(program: Program) -> click.Command:
    """The command ``logs`` of a program."""

    @program.command()
    @click.argument("run", type=RUN_NAME, shell_complete=program.complete_runs)
    @_log_options(program.has_pods)
    @program.options
    def logs(run: str, wanted: LogOptions, **where: Any) -> None:
        """Print the log of RUN. The default is the stage and attempt that is active or ended last.

        On a terminal, the log is printed without escape sequences, such as colors. A pipe or a file gets every byte.

        \b
            PROGRAM logs cartpole.r.3 -f
            PROGRAM logs cartpole.r.3 --stage eval --tail 20
        """
        program.run(lambda place: _logs(place, run, wanted), **where)

    return logs


def _log_options(pods: bool) -> Decorator:
    follow = "Stream the log through retries and stages until the run ends."
    latest = "[latest stage that has a pod]" if pods else "[latest stage]"
    options = [
        click.option("--stage", type=click.Choice(LOG_STAGES), help=f"Stage to print. {latest}"),
        click.option("--attempt", type=click.IntRange(min=1), help="Attempt to print. [latest]"),
        click.option(
            "--node", "rank", type=click.IntRange(min=0), default=0, help="Node rank, for a stage on several nodes. [0]"
        ),
        click.option("--tail", type=click.IntRange(min=0), help="Number of most recent lines to print. [all]"),
        click.option("-f", "--follow", is_flag=True, help=follow),
    ]
    if pods:
        options += [
            click.option("-c", "--container", default="main", help="Container to print. [main]"),
            click.option("--timestamps", is_flag=True, help="Prefix each line with its timestamp."),
        ]
    return grouped("wanted", LogOptions, *options)


async def _logs(place: Place, name: str, wanted: LogOptions) -> None:
    found = await place.run(name)
    source, known_as = place.logs(found), place.name(found.obj)
    if wanted.follow:
        await _Following(source, known_as, wanted).print(found.obj, await source.logs(wanted))
        return
    log = await latest_log(source, found.obj, known_as, wanted)
    try:
        await _print(source, log, wanted)
    except NotFound as error:
        raise NoLog(f"{log.name}: {error}") from None


async def latest_log(source: LogSource, run: Object, name: str, wanted: LogOptions) -> StageLog:
    """The log of the latest requested stage and attempt. Raises NoLog."""
    logs = await source.logs(wanted)
    if not logs:
        raise NoLog(_missing(source, run, name, wanted))
    if not logs[-1].started(wanted.container):
        raise NoLog(_not_started(logs[-1], name))
    return logs[-1]


class _Following:
    """Prints the latest log to its end, then the next attempt's or stage's, until no further log can come."""

    def __init__(self, source: LogSource, name: str, wanted: LogOptions) -> None:
        self._source, self._name, self._wanted = source, name, wanted
        self._shown: tuple[int, int, str] = (-1, 0, "")
        self._several = False
        self._said = ""

    async def print(self, run: Object, logs: Sequence[StageLog]) -> None:
        """Print until the end. Raises NoLog."""
        if len(logs) > 1:
            self._shown = logs[-2].place
        while True:
            coming = [log for log in logs if log.place > self._shown]
            if coming and coming[0].started(self._wanted.container):
                await self._print(coming[0])
            elif coming and coming[0].over:
                self._shown = coming[0].place
            elif not coming and is_over(run, self._wanted):
                if not self._several:
                    raise NoLog(_missing(self._source, run, self._name, self._wanted))
                return
            else:
                await self._wait(run, coming)
            # Read the run before its logs: a log that began in between is then in the list.
            run = await self._source.run()
            logs = await self._source.logs(self._wanted)

    async def _print(self, log: StageLog) -> None:
        if self._several:
            echo(f"--- {self._name}: {log.title}", err=True)
        try:
            await _print(self._source, log, self._wanted)
        except NotFound as error:  # deleted since it was listed; later logs may still come
            echo(f"{log.name}: {error}", err=True)
        self._shown, self._several, self._said = log.place, True, ""

    async def _wait(self, run: Object, coming: Sequence[StageLog]) -> None:
        if stalled := self._source.stalled():
            raise NoLog(f"{self._name} has not ended, but {stalled}")
        waits = f"{self._name} has no {self._source.noun} yet ({run_state(run)}); waiting"
        text = _not_started(coming[0], self._name) if coming else waits
        if text != self._said and not (self._several and not coming):
            echo(text, err=True)
        self._said = text
        await asyncio.sleep(_POLL)


async def _print(source: LogSource, log: StageLog, wanted: LogOptions) -> None:
    """Print the bytes of the log, on a terminal without escape sequences. Raises NotFound."""
    chunks = source.read(log, wanted)
    if sys.stdout.isatty():
        async for text in visible_lines(chunks):
            click.echo(text, nl=False)
        return
    async for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def is_over(run: Object, wanted: LogOptions) -> bool:
    """Whether no further log of the requested stage and attempt can come."""
    ends = ["Succeeded"]
    if wanted.stage is not None:
        ends.append(f"{wanted.stage.capitalize()}Succeeded")
    if any(has_ended(run, type_) for type_ in ends):
        return True
    if wanted.attempt is None:
        return False
    status = run.get("status") or {}
    stages = [wanted.stage] if wanted.stage is not None else list(LOG_STAGES)
    return all((status.get(s) or {}).get("attempt", 0) > wanted.attempt for s in stages)


def _not_started(log: StageLog, run: str) -> str:
    reason = f" ({log.waits_for})" if log.waits_for else ""
    return f"{run}: {log.title} has not started{reason}; pod {log.name}"


def _missing(source: LogSource, run: Object, name: str, wanted: LogOptions) -> str:
    which = "".join(
        [
            f" of {wanted.stage}" if wanted.stage else "",
            f" of attempt {wanted.attempt}" if wanted.attempt else "",
            f" of node {wanted.rank}" if wanted.rank else "",
        ]
    )
    if is_over(run, wanted):
        return f"{name} ({run_state(run)}) has no {source.noun}{which}, or it was deleted: {source.lost}"
    hint = f", and {stalled}" if (stalled := source.stalled()) else "" if wanted.follow else "; use -f to wait for it"
    return f"{name} ({run_state(run)}) has no {source.noun}{which} yet{hint}"
