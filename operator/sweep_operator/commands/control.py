"""``suspend``, ``resume`` and ``stop``."""

from __future__ import annotations

from typing import Any

import click

from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.output import echo
from sweep_operator.commands.place import Found, Place, Program
from sweep_operator.domain.conditions import condition_of, has_ended


def suspend_command(program: Program) -> click.Command:
    """The command ``suspend`` of a program."""

    @program.command()
    @click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=program.complete_sweeps)
    @program.options
    def suspend(sweeps: tuple[str, ...], **where: Any) -> None:
        """Suspend SWEEPS: no new runs start. spec.suspendPolicy decides whether active runs finish or stop."""
        program.run(lambda place: _edit_sweeps(place, sweeps, {"suspend": True}, "suspended"), **where)

    return suspend


def resume_command(program: Program) -> click.Command:
    """The command ``resume`` of a program."""

    @program.command()
    @click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=program.complete_sweeps)
    @program.options
    def resume(sweeps: tuple[str, ...], **where: Any) -> None:
        """Resume SWEEPS that were suspended or stopped."""
        program.run(lambda place: _edit_sweeps(place, sweeps, {"suspend": False, "stop": False}, "resumed"), **where)

    return resume


def stop_command(program: Program) -> click.Command:
    """The command ``stop`` of a program."""

    @program.command()
    @click.argument("names", nargs=-1, required=True, shell_complete=program.complete_sweeps_and_runs)
    @program.options
    def stop(names: tuple[str, ...], **where: Any) -> None:
        """Stop NAMES now. A stopped sweep can be resumed. A stopped run cannot, and the optimizer ignores it."""
        program.run(lambda place: _stop(place, names), **where)

    return stop


async def _stop(place: Place, names: tuple[str, ...]) -> None:
    for name in names:
        found = await place.sweep_or_run(name)
        if has_ended(found.obj):
            reason = condition_of(found.obj, "Succeeded")["reason"]
            echo(f"{place.title(found.kind, found.obj)} has already ended ({reason})")
        else:
            await _edit(place, found, {"stop": True}, "stopped")


async def _edit_sweeps(place: Place, names: tuple[str, ...], fields: dict[str, bool], done: str) -> None:
    for name in names:
        await _edit(place, await place.sweep(name), fields, done)


async def _edit(place: Place, found: Found, fields: dict[str, bool], done: str) -> None:
    """Patch only the fields that differ; without a difference, send no request."""
    wanted = {field: value for field, value in fields.items() if bool(found.obj["spec"].get(field)) != value}
    title = place.title(found.kind, found.obj)
    if not wanted:
        echo(f"{title} {done} (unchanged)")
        return
    await found.kube.patch(found.kind, found.namespace, found.name, {"spec": wanted})
    echo(f"{title} {done}")
