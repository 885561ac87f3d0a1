"""``status`` and ``list``: the parts that do not depend on where the sweeps are stored. Imports no models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from sweep_operator.commands.output import echo, terminal_width
from sweep_operator.views.selection import ALL, Selection, selected
from sweep_operator.views.status import Layout, objects_text, sweep_lines, sweeps_table

DOCUMENTS = ("json", "yaml")


def require_all(selection: Selection) -> None:
    """Refuse options that select runs where no sweep is named."""
    if selection != ALL:
        raise click.UsageError("--limit, --sort and --failed select runs of one sweep; add its NAME")


def print_sweep(
    sweep: dict[str, Any], runs: Sequence[dict[str, Any]], selection: Selection, output: str, *, object_names: bool
) -> None:
    """Print the sweep and the selected runs in the format ``output``."""
    if output in DOCUMENTS:
        echo(objects_text([sweep, *selected(sweep, runs, selection)], output))
        return
    layout = Layout(terminal_width(), output == "wide", object_names)
    for line in sweep_lines(sweep, runs, datetime.now(UTC), selection, layout):
        echo(line)


def print_sweeps(
    sweeps: Sequence[dict[str, Any]], output: str, *, object_names: bool = False, namespaces: bool = False
) -> None:
    """Print the sweeps in the format ``output``. Prints no table without sweeps."""
    if output in DOCUMENTS:
        echo(objects_text(sweeps, output))
    elif sweeps:
        layout = Layout(terminal_width(), output == "wide", object_names)
        echo(sweeps_table(sweeps, datetime.now(UTC), layout, namespaces=namespaces))
