"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import click

from sweep_operator.config.errors import ConfigError
from sweep_operator.views.selection import SORTS, Selection

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# Values such as -3 or +hardware=macbook must not be parsed as options.
OVERRIDES_FOLLOW = {"ignore_unknown_options": True}
DEFAULT_RUNS_DIR = Path("train_dir/sweep")
STANDARD_OUTPUT = Path("-")


def grouped(keyword: str, group: type[Any], *options: Decorator) -> Decorator:
    """Add ``options`` to a command, which receives them as one value: ``keyword=group(...)``.

    ``group`` is a dataclass with one field per option; a field with a default needs none.
    """
    names = [field.name for field in fields(group)]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(**values: Any) -> Any:
            return command(**{keyword: group(**{name: values.pop(name) for name in names if name in values})}, **values)

        decorated: Callable[..., Any] = called
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


config_and_overrides = click.argument("arguments", nargs=-1, metavar="[CONFIG] [key=value ...]")
config_dir = click.option(
    "--config-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that contains sweep_job.yaml. [./configs]",
)
output_format = click.option(
    "-o", "--output", type=click.Choice(["table", "wide", "json", "yaml"]), default="table",
    help="Output format. wide: the table with all columns, whatever the width of the terminal. [table]",
)  # fmt: skip
selection_options = grouped(
    "selection",
    Selection,
    click.option(
        "--limit", type=click.IntRange(min=1), metavar="N",
        help="Show at most N runs: the best, the active and the newest ones, or the first N by --sort. [all]",
    ),
    click.option(
        "--sort", type=click.Choice(SORTS), default="index",
        help="Order of the runs: by index, or the best score, lowest cost, shortest time or youngest first. [index]",
    ),
    click.option("--failed", is_flag=True, help="Show failed runs only, each with its message."),
)  # fmt: skip
no_model = click.option(
    "--no-model", is_flag=True, help="Omit what requires fitting the model: importance, slices, and what more runs buy."
)


def runs_dir(default: Path | None = None) -> Decorator:
    """``--runs-dir``; without a default, the ``runs_dir`` of the configuration applies."""
    shown = f"Directory that contains the sweeps. [{default or 'runs_dir of the configuration, ./train_dir/sweep'}]"
    type_ = click.Path(path_type=Path, file_okay=False)
    return click.option("--runs-dir", type=type_, default=default, help=shown, envvar="SWEEP_RUNS_DIR")


@dataclass(frozen=True)
class RankingOptions:
    """Which runs ``best-params`` shows."""

    top_n: int
    show_scores: bool
    max_cost: float | None
    by: Literal["observed", "posterior"]
    where: tuple[str, ...]


ranking_options = grouped(
    "ranking",
    RankingOptions,
    click.option("--top-n", type=click.IntRange(min=1), default=1, help="Number of best runs to show. [1]"),
    click.option("--show-scores", is_flag=True, help="Show the scores of all successful runs."),
    click.option("--max-cost", type=float, help="Consider only runs that cost at most this much."),
    click.option(
        "--by", type=click.Choice(["observed", "posterior"]), default="observed",
        help="Rank by the observed score, or by the model's posterior mean, which averages out noise. [observed]",
    ),
    click.option(
        "--where", multiple=True, metavar="METRIC<NUMBER",
        help="Consider only runs with such a value of a metric, score or cost, as in 'latency<50'; also <=, >, >= "
        "(repeatable). Replaces the thresholds of the sweep's objectives.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ExportOptions:
    """File and format of an export. ``form`` None: the format that the file name implies."""

    output: Path
    form: Literal["csv", "jsonl"] | None


export_options = grouped(
    "target",
    ExportOptions,
    click.option(
        "-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default=STANDARD_OUTPUT,
        help=f"File to write; {STANDARD_OUTPUT} is the standard output. [{STANDARD_OUTPUT}]",
    ),
    click.option(
        "--format", "form", type=click.Choice(["csv", "jsonl"]),
        help="File format. [by the extension of --output, else csv]",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ImportOptions:
    """How to read the file of an import."""

    mapped: tuple[str, ...]
    given: tuple[str, ...]
    metric: str | None
    cost: str | None
    ignore_unknown: bool
    dry_run: bool


import_options = grouped(
    "options",
    ImportOptions,
    click.option("--map", "mapped", multiple=True, metavar="PARAMETER=NAME",
                 help="Name of a parameter in the file, if it differs (repeatable)."),
    click.option("--set", "given", multiple=True, metavar="PARAMETER=VALUE",
                 help="Value of a parameter that is not in the file (repeatable)."),
    click.option("--metric", help="Name of the score in the file. [score, or the sweep's metric]"),
    click.option("--cost", help="Name of the cost in the file. [cost]"),
    click.option("--ignore-unknown", is_flag=True, help="Ignore parameters that the sweep does not search."),
    click.option("--dry-run", is_flag=True, help="Check the file without importing anything."),
)  # fmt: skip


def sweep_name(argument: str) -> str:
    """The name in ``sweep_run=NAME`` or ``NAME``. Raises ConfigError."""
    key, equals, name = argument.rpartition("=")
    if equals and key != "sweep_run":
        raise ConfigError(f"{argument!r}: unknown key {key!r}; write sweep_run=NAME")
    if not name:
        raise ConfigError("sweep_run: the name is empty; write sweep_run=NAME")
    return name
