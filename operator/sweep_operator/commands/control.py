"""``suspend``, ``resume`` and ``stop``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sweep_operator.commands.change import Change, printed
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.place import Found, Program
from sweep_operator.domain.conditions import condition_of, has_ended


def suspend_command(program: Program) -> click.Command:
    """The command ``suspend`` of a program."""

    @program.command()
    @click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=program.complete_sweeps)
    @program.options
    def suspend(sweeps: tuple[str, ...], **where: Any) -> None:
        """Suspend SWEEPS: no new runs start. spec.suspendPolicy decides whether active runs finish or stop."""
        program.run(lambda place: suspend_sweeps(printed(place, program.name), sweeps), **where)

    return suspend


def resume_command(program: Program) -> click.Command:
    """The command ``resume`` of a program."""

    @program.command()
    @click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=program.complete_sweeps)
    @program.options
    def resume(sweeps: tuple[str, ...], **where: Any) -> None:
        """Resume SWEEPS that were suspended or stopped."""
        program.run(lambda place: resume_sweeps(printed(place, program.name), sweeps), **where)

    return resume


def stop_command(program: Program) -> click.Command:
    """The command ``stop`` of a program."""

    @program.command()
    @click.argument("names", nargs=-1, required=True, shell_complete=program.complete_sweeps_and_runs)
    @program.options
    def stop(names: tuple[str, ...], **where: Any) -> None:
        """Stop sweeps and runs now. A stopped sweep can be resumed. A stopped run cannot; the optimizer ignores it."""
        program.run(lambda place: stop_named(printed(place, program.name), names), **where)

    return stop


async def suspend_sweeps(change: Change, names: Sequence[str]) -> None:
    """Let no new run start."""
    for name in names:
        await _edit(change, await change.place.sweep(name), {"suspend": True}, "suspended")


async def resume_sweeps(change: Change, names: Sequence[str]) -> None:
    """Undo a suspend or a stop."""
    for name in names:
        await _edit(change, await change.place.sweep(name), {"suspend": False, "stop": False}, "resumed")


async def stop_named(change: Change, names: Sequence[str]) -> None:
    """Stop sweeps and runs."""
    for name in names:
        found = await change.place.sweep_or_run(name)
        if has_ended(found.obj):
            reason = condition_of(found.obj, "Succeeded")["reason"]
            change.output.say(f"{change.place.title(found.kind, found.obj)} has already ended ({reason})")
        else:
            await _edit(change, found, {"stop": True}, "stopped")


async def _edit(change: Change, found: Found, fields: dict[str, bool], done: str) -> None:
    """Patch only the fields that differ; without a difference, send no request."""
    wanted = {field: value for field, value in fields.items() if bool(found.obj["spec"].get(field)) != value}
    title = change.place.title(found.kind, found.obj)
    if not wanted:
        change.output.say(f"{title} {done} (unchanged)")
    elif not change.dry_run:
        await found.kube.patch(found.kind, found.namespace, found.name, {"spec": wanted})
        change.output.say(f"{title} {done}")
