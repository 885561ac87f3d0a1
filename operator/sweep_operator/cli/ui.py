"""``sweep ui``: the page of the sweeps on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir
from sweep_operator.ui.here import Here, here_options, show_page
from sweep_operator.ui.machine_page import machine_page


@click.command()
@runs_dir(DEFAULT_RUNS_DIR)
@click.option("--write", is_flag=True, help="Allow changes: add, retry, stop, suspend, resume, limits.")
@here_options
def ui(runs_dir: Path, write: bool, here: Here) -> None:
    """Show the sweeps of this machine in a browser, as they change.

    Only this machine can open the URL. Whoever has it sees everything in the directory, so do not pass it on.
    """
    rights = "changes are allowed" if write else "read-only; --write allows changes"
    asyncio.run(show_page(machine_page(runs_dir, writes=write), here, f"The sweeps of {runs_dir} ({rights})."))
