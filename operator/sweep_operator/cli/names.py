"""Shell completion: names of the sweeps, runs and parameters on this machine. Prints no errors."""

from __future__ import annotations

import contextlib

import click
from click.shell_completion import CompletionItem

from sweep_operator.commands.names import items, parameter_items
from sweep_operator.commands.options import DEFAULT_RUNS_DIR
from sweep_operator.config.errors import ConfigError
from sweep_operator.domain.conditions import condition_of
from sweep_operator.machine.stored import StoredSweep, stored_sweep, stored_sweeps
from sweep_operator.views.tables import run_name, run_state, sweep_state


def complete_sweeps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the sweeps that can be read, with their state, also after ``sweep_run=``."""
    key, equals, _ = incomplete.rpartition("=")
    found = ((f"{key}{equals}{s.display_name}", sweep_state(s.sweep)) for s in _sweeps(ctx))
    return items(found, ctx, param, incomplete)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the runs, with their state."""
    return items(_runs(ctx, incomplete, failed=False), ctx, param, incomplete)


def complete_failed_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the failed runs."""
    return items(_runs(ctx, incomplete, failed=True), ctx, param, incomplete)


def complete_parameters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``path=`` for each parameter of the given sweep that is not set yet."""
    sweep = ctx.params.get("sweep")
    found = next((s.sweep for s in _sweeps(ctx) if s.display_name == sweep), None)
    return [] if found is None else parameter_items(found, ctx, param, incomplete)


def _sweeps(ctx: click.Context) -> list[StoredSweep]:
    with contextlib.suppress(ConfigError):
        return stored_sweeps(ctx.params.get("runs_dir") or DEFAULT_RUNS_DIR).sweeps
    return []


def _runs(ctx: click.Context, incomplete: str, *, failed: bool) -> list[tuple[str, str]]:
    """Names and states of runs: of the sweep whose name has been typed, or of all."""
    sweeps = _sweeps(ctx)
    typed = [s for s in sweeps if incomplete.startswith(f"{s.display_name}.")]
    found = []
    for stored in typed or sweeps:
        with contextlib.suppress(ConfigError):
            found += stored_sweep(stored.directory.parent, stored.directory.name).runs
    wanted = [r for r in found if not failed or condition_of(r, "Succeeded").get("status") == "False"]
    return [(run_name(r, object_names=False), run_state(r)) for r in wanted]
