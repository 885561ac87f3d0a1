"""``limits``: when a sweep ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from sweep_operator.api.limits import Limits
from sweep_operator.commands.change import Change, assignment, printed
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import OVERRIDES_FOLLOW
from sweep_operator.commands.place import Program
from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.errors import ConfigError, suggestion

NAMES = tuple(str(field.alias) for field in Limits.model_fields.values())


def limits_command(program: Program) -> click.Command:
    """The command ``limits`` of a program."""

    @program.command(context_settings=OVERRIDES_FOLLOW)
    @click.argument("sweep", type=SWEEP_NAME, shell_complete=program.complete_sweeps)
    @click.argument("limits", nargs=-1, metavar="[limit=value ...]")
    @program.options
    def limits(sweep: str, limits: tuple[str, ...], **where: Any) -> None:
        """Change the limits of SWEEP, the fields of spec.limits; null removes one. Without arguments, print them.

        Raising a limit continues a sweep that has reached it.

        \b
            PROGRAM limits cartpole maxRuns=200 maxParallelRuns=4
            PROGRAM limits cartpole totalCost=null
        """
        wanted = _wanted(limits)
        program.run(lambda place: set_limits(printed(place, program.name), sweep, wanted), **where)

    return limits


def _wanted(arguments: Sequence[str]) -> dict[str, Any]:
    for text in arguments:
        if "=" not in text:
            raise ConfigError(f"{text!r} has no value; write limit=value, as in maxRuns=200")
    parsed = [parse_argument(a) for a in arguments]
    for argument in parsed:
        if argument.prefix:
            raise ConfigError(f"{argument.raw!r}: write {argument.key}=value, without {argument.prefix}")
    return {argument.key: argument.value for argument in parsed}


async def set_limits(change: Change, name: str, wanted: Mapping[str, Any]) -> None:
    """Edit spec.limits; without ``wanted``, say what they are. Raises ConfigError for an unknown limit."""
    for limit in wanted:
        if limit not in NAMES:
            raise ConfigError(f"{limit}: unknown limit; {suggestion(limit, NAMES)}")
    found = await change.place.sweep(name)
    present = {limit: found.obj["spec"].get("limits", {}).get(limit) for limit in NAMES}
    title = change.place.title(found.kind, found.obj)
    different = {limit: value for limit, value in wanted.items() if present[limit] != value}
    if not wanted:
        for limit, value in present.items():
            change.output.say(assignment(limit, value))
    elif not different:
        change.output.say(f"{title} limits updated (unchanged)")
    elif not change.dry_run:
        await found.kube.patch(found.kind, found.namespace, found.name, {"spec": {"limits": different}})
        change.output.say(f"{title} limits updated")
    if different and (note := change.place.about_edits()):
        change.output.note(note)
