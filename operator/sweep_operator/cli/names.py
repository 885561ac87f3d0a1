"""Shell completion: names of the sweeps on this machine. Prints no errors."""

from __future__ import annotations

import contextlib

import click
from click.shell_completion import CompletionItem

from sweep_operator.cli.stored import stored_sweeps
from sweep_operator.commands.options import DEFAULT_RUNS_DIR
from sweep_operator.config.errors import ConfigError
from sweep_operator.views.tables import sweep_state


def complete_sweeps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the sweeps that can be read, with their state, also after ``sweep_run=``."""
    key, equals, begun = incomplete.rpartition("=")
    with contextlib.suppress(ConfigError):
        found = stored_sweeps(ctx.params.get("runs_dir") or DEFAULT_RUNS_DIR).sweeps
        return [
            CompletionItem(f"{key}{equals}{s.display_name}", help=sweep_state(s.sweep))
            for s in found
            if s.display_name.startswith(begun)
        ]
    return []
