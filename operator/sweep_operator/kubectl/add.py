"""``kubectl sweep add``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from protein.searchspace.paths import flatten
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.options import OVERRIDES_FOLLOW
from sweep_operator.commands.output import echo
from sweep_operator.config.arguments import parse_argument
from sweep_operator.config.errors import ConfigError, shown
from sweep_operator.config.yaml_files import parse_documents, read_documents
from sweep_operator.kubectl.access import Cluster, in_cluster
from sweep_operator.kubectl.lookup import run_named, sweep_named
from sweep_operator.kubectl.manual_runs import checked_parameters, create_run, outside_bounds
from sweep_operator.kubectl.names import complete_parameters, complete_runs, complete_sweeps
from sweep_operator.kubectl.options import SWEEP_NAME, cluster_options


@click.command(context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", type=SWEEP_NAME, shell_complete=complete_sweeps)
@click.argument("parameters", nargs=-1, metavar="[name=value ...]", shell_complete=complete_parameters)
@click.option(
    "-f", "--filename", "files", multiple=True, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="YAML or JSON file with parameters, flat or nested. Each document or list entry is one run. -: standard input",
)  # fmt: skip
@click.option("--like", metavar="RUN", help="Use the parameters of this run as defaults.", shell_complete=complete_runs)
@click.option("--name", help="Name of the new run. [SWEEP.m.<n>]")
@cluster_options
def add(sweep: str, parameters: tuple[str, ...], files: tuple[Path, ...], like: str | None, name: str | None) -> None:
    """Add runs with the given parameters to SWEEP. The optimizer learns from their results.

    Parameters that are not given take the value of their search center. name=value overrides -f, and -f overrides
    --like.

    \b
        kubectl sweep add cartpole trainer.gamma=0.98 trainer.batch_size=128
        kubectl sweep add cartpole --like cartpole.r.3 trainer.gamma=0.98
        kubectl sweep add cartpole -f candidates.yaml
    """
    arguments = [parse_argument(p) for p in parameters]
    for argument in arguments:
        if argument.prefix:
            raise ConfigError(f"{argument.raw!r}: write {argument.key}=value, without {argument.prefix}")
    named = {argument.key: argument.value for argument in arguments}
    wanted = [(where, {**values, **named}) for where, values in _read(files)] if files else [("", named)]
    if not files and not named and like is None:
        raise click.UsageError("nothing to run: give parameters, a file (-f) or a run (--like)")
    if name is not None and len(wanted) != 1:
        raise ConfigError(f"--name: applies to one run, but {', '.join(map(str, files))} contains {len(wanted)}")
    in_cluster(lambda cluster: _add(cluster, sweep, wanted, like, name))


async def _add(
    cluster: Cluster, name: str, wanted: list[tuple[str, dict[str, Any]]], like: str | None, run_name: str | None
) -> None:
    sweep = read(Sweep, await sweep_named(cluster, name))
    base = read(SweepRun, await run_named(cluster, like)).parameters if like is not None else {}
    # Check all runs before creating the first.
    runs = [checked_parameters(sweep, {**base, **values}, where) for where, values in wanted]
    for parameters in runs:
        for note in outside_bounds(sweep, parameters):
            echo(f"note: {note}", err=True)
        created = await create_run(cluster, name, parameters, name=run_name, prefix=f"{name}.m.")
        echo(f"sweeprun.metta.ai/{created} created")


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
