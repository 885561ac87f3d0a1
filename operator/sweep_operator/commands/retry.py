"""``retry``: failed runs once more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.change import Change, command_line, printed
from sweep_operator.commands.manual_runs import checked_parameters, create_run
from sweep_operator.commands.names import RUN_NAME
from sweep_operator.commands.place import Program
from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.protocol import Kind


def retry_command(program: Program) -> click.Command:
    """The command ``retry`` of a program."""

    @program.command()
    @click.argument("runs", type=RUN_NAME, nargs=-1, required=True, shell_complete=program.complete_failed_runs)
    @program.options
    def retry(runs: tuple[str, ...], **where: Any) -> None:
        """Retry failed RUNS. Each retry is a new manual run with the same parameters, named RUN-retry-<n>."""
        program.run(lambda place: retry_runs(printed(place, program.name), runs), **where)

    return retry


async def retry_runs(change: Change, names: Sequence[str]) -> None:
    """Create a run with the parameters of each failed run. Checks all of them first."""
    place, wanted = change.place, []
    for name in names:
        found = await place.run(name)
        run = read(SweepRun, found.obj)
        sweep = await place.sweep_of(found)
        known_as = place.name(sweep.obj)
        if run.succeeded:
            hint = command_line(change.program, ["add", known_as, "--like", name])
            raise ConfigError(f"{name} has not failed; to run it again, use `{hint}`")
        if not run.failed:
            hint = command_line(change.program, ["stop", name])
            raise ConfigError(f"{name} has not ended; end it with `{hint}`, then retry it")
        parameters = checked_parameters(read(Sweep, sweep.obj), known_as, run.parameters, f"{name}: ")
        wanted.append((run.name, sweep, parameters))
    for name, sweep, parameters in wanted if not change.dry_run else []:
        prefix = f"{re.sub(r'-retry-[0-9]+$', '', name)}-retry-"  # the retry of a retry continues the numbering
        created = await create_run(sweep, parameters, name=None, prefix=prefix)
        change.output.say(f"{place.title(Kind.SWEEP_RUN, created)} created")
