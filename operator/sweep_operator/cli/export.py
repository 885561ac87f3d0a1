"""``sweep export``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep_operator.cli.find_sweep import from_option
from sweep_operator.cli.options import DEFAULT_RUNS_DIR, OVERRIDES_FOLLOW, runs_dir
from sweep_operator.cli.wandb_place import place_of, wandb_options
from sweep_operator.config.errors import ConfigError

if TYPE_CHECKING:
    from sweep_operator.cli.wandb_place import Place
    from sweep_operator.exchange.row import Row


def export_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Form and place of what is written."""
    options = (
        click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="[standard output]"),
        click.option(
            "--format", "form", type=click.Choice(["csv", "jsonl"]), help="[by the end of --output, else csv]"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(context_settings=OVERRIDES_FOLLOW)
@click.argument("sweep", metavar="sweep_run=NAME")
@click.argument("arguments", nargs=-1, metavar="[wandb.project=P ...]")
@export_options
@from_option
@wandb_options
@runs_dir(DEFAULT_RUNS_DIR)
def export(
    sweep: str,
    arguments: tuple[str, ...],
    output: Path | None,
    form: str | None,
    source: str | None,
    entity: str | None,
    project: str | None,
    base_url: str | None,
    runs_dir: Path,
) -> None:
    """Write all runs of a sweep as a table: parameters, score, cost, status, metrics; floats with every bit.

    The sweep is looked for on this machine, then in W&B; a cluster's is for `kubectl sweep export`. `sweep import` and
    a warm start read what is written.

    \b
      sweep export sweep_run=my_sweep -o runs.csv
      sweep export sweep_run=my_sweep --entity my-team --project my-project --format jsonl
    """
    from sweep_operator.cli.best_params import sweep_name

    place = place_of(arguments, entity, project, base_url)
    write_rows(_rows(sweep_name(sweep), runs_dir, source, place), output, form)


def write_rows(rows: Sequence[Row], output: Path | None, form: str | None) -> None:
    """To a file that is there only when it is complete, or to standard output."""
    from sweep_operator.exchange.write import to_csv, to_jsonl

    ends = output is not None and output.name.lower().endswith((".jsonl", ".ndjson", ".json"))
    text = to_jsonl(rows) if form == "jsonl" or (form is None and ends) else to_csv(rows)
    if output is None:
        click.echo(text, nl=False)
        return
    if not output.name or output.is_dir():
        raise ConfigError(f"--output: '{output}' is a directory; name a file")
    temporary = output.with_name(f".{output.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(temporary, output)
    except OSError as error:
        raise ConfigError(f"--output {output}: cannot be written: {error.strerror or error}") from None
    click.echo(f"{len(rows)} run{'s' if len(rows) != 1 else ''} written to {output}", err=True)


def _rows(name: str, runs_dir: Path, source: str | None, place: Place) -> list[Row]:
    from sweep_operator.cli.find_sweep import look_up
    from sweep_operator.cli.stored import StoredSweep
    from sweep_operator.exchange.of_runs import rows_of
    from sweep_operator.tracking.history.objects import objects_of_answer, typed_run
    from sweep_operator.tracking.history.reader import rows_of_answer

    found = look_up(name, runs_dir, source, place)
    if isinstance(found, StoredSweep):
        return rows_of(*found.parsed())
    sweep, _ = objects_of_answer(found)
    return rows_of_answer(found.with_(runs=[typed_run(run, sweep) for run in reversed(found.runs)]))
