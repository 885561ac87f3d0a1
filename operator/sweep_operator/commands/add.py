"""``add``: runs with parameters that the user chooses."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from protein.searchspace.paths import flatten
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.change import Change, printed
from sweep_operator.commands.manual_runs import checked_parameters, create_run, outside_bounds
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import OVERRIDES_FOLLOW, grouped
from sweep_operator.commands.place import Program
from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.errors import ConfigError, shown
from sweep_operator.config.yaml_files import parse_documents, read_documents
from sweep_operator.kube.protocol import Kind


@dataclass(frozen=True)
class Source:
    """Where parameters come from besides the arguments, and the name of the new run."""

    files: tuple[Path, ...] = ()
    like: str | None = None
    name: str | None = None


def add_command(program: Program) -> click.Command:
    """The command ``add`` of a program."""
    file = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
    files_help = "YAML or JSON file with parameters, flat or nested. Each document or list entry is one run. "
    source = grouped(
        "source",
        Source,
        click.option("-f", "--filename", "files", multiple=True, type=file, help=f"{files_help}-: standard input"),
        click.option("--like", metavar="RUN", help="Use the parameters of this run as defaults.",
                     shell_complete=program.complete_runs),
        click.option("--name", help="Name of the new run. [SWEEP.m.<n>]"),
    )  # fmt: skip

    @program.command(context_settings=OVERRIDES_FOLLOW)
    @click.argument("sweep", type=SWEEP_NAME, shell_complete=program.complete_sweeps)
    @click.argument("parameters", nargs=-1, metavar="[name=value ...]", shell_complete=program.complete_parameters)
    @source
    @program.options
    def add(sweep: str, parameters: tuple[str, ...], source: Source, **where: Any) -> None:
        """Add runs with the given parameters to SWEEP. The optimizer learns from their results.

        Parameters that are not given take the value of their search center. name=value overrides -f, and -f overrides
        --like.

        \b
            PROGRAM add cartpole trainer.gamma=0.98 trainer.batch_size=128
            PROGRAM add cartpole --like cartpole.r.3 trainer.gamma=0.98
            PROGRAM add cartpole -f candidates.yaml
        """
        wanted = _wanted(parameters, source)
        program.run(lambda place: add_runs(printed(place, program.name), sweep, wanted, source), **where)

    return add


def _wanted(parameters: tuple[str, ...], source: Source) -> list[tuple[str, dict[str, Any]]]:
    """The given parameters of each run, and a prefix for error messages. Raises ConfigError, UsageError."""
    arguments = [parse_argument(p) for p in parameters]
    for argument in arguments:
        if argument.prefix:
            raise ConfigError(f"{argument.raw!r}: write {argument.key}=value, without {argument.prefix}")
    named = {argument.key: argument.value for argument in arguments}
    files = source.files
    wanted = [(where, {**values, **named}) for where, values in _read(files)] if files else [("", named)]
    if not files and not named and source.like is None:
        raise click.UsageError("nothing to run: give parameters, a file (-f) or a run (--like)")
    if source.name is not None and len(wanted) != 1:
        raise ConfigError(f"--name: applies to one run, but {', '.join(map(str, files))} contains {len(wanted)}")
    return wanted


async def add_runs(change: Change, name: str, wanted: Sequence[tuple[str, Mapping[str, Any]]], source: Source) -> None:
    """Check all runs, then create them. ``wanted``: a prefix for error messages and the parameters of each."""
    found = await change.place.sweep(name)
    sweep = read(Sweep, found.obj)
    base = {} if source.like is None else read(SweepRun, (await change.place.run(source.like)).obj).parameters
    known_as = change.place.name(found.obj)
    runs = [checked_parameters(sweep, known_as, {**base, **values}, where) for where, values in wanted]
    for parameters in runs:
        for note in outside_bounds(sweep, parameters):
            change.output.note(note)
        if not change.dry_run:
            created = await create_run(found, parameters, name=source.name, prefix=f"{found.name}.m.")
            change.output.say(f"{change.place.title(Kind.SWEEP_RUN, created)} created")


def _read(files: tuple[Path, ...]) -> list[tuple[str, dict[str, Any]]]:
    """The flat parameters of each run, and a prefix for error messages that names their place. Raises ConfigError."""
    found = []
    for path in files:
        stdin = str(path) == "-"
        documents = parse_documents(sys.stdin.read(), "standard input") if stdin else read_documents(path)
        entries = [entry for d in documents for entry in (d if isinstance(d, list) else [d])]
        for number, entry in enumerate(entries, 1):
            where = f"{'standard input' if stdin else path}{f', run {number}' if len(entries) > 1 else ''}: "
            if not isinstance(entry, Mapping) or not entry:
                raise ConfigError(f"{where}expected a map of parameters (name: value), got {shown(entry)}")
            if entry.get("kind") == "SweepRun":
                raise ConfigError(f"{where}is a SweepRun manifest; use `kubectl apply -f`")
            found.append((where, flatten(entry)))
    if not found:
        raise ConfigError(f"{', '.join(map(str, files))}: is empty; write name: value")
    return found
