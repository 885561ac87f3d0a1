"""``sweep delete``."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from sweep_operator.cli.names import complete_sweeps
from sweep_operator.commands.names import SWEEP_NAME
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir, sweep_name
from sweep_operator.commands.output import echo
from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.embedded.persistence import StoreLocked
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.state_file import is_locked
from sweep_operator.machine.stored import LOCK, STATE, StoredSweep, stored_sweep


@click.command()
@click.argument("sweeps", type=SWEEP_NAME, nargs=-1, required=True, shell_complete=complete_sweeps)
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@runs_dir(DEFAULT_RUNS_DIR)
def delete(sweeps: tuple[str, ...], yes: bool, runs_dir: Path) -> None:
    """Delete SWEEPS of this machine: the directory of each with its results, logs and checkpoints.

    Runs that were delivered to W&B stay there. A running sweep must be stopped first.
    """
    found = [stored_sweep(runs_dir, sweep_name(name)) for name in sweeps]
    with contextlib.ExitStack() as locks:
        for stored in found:
            locks.enter_context(_locked(stored))
        for stored in found:
            if not yes:
                _confirm(stored)
            _delete(stored.directory)
            echo(f"{stored.display_name} deleted")


def _locked(stored: StoredSweep) -> contextlib.closing[EmbeddedKube]:
    """The lock of the sweep. Raises ConfigError for a directory that is elsewhere, and StoreLocked."""
    if stored.directory.is_symlink():
        target = stored.directory.resolve()
        raise ConfigError(f"{stored.directory} is a symbolic link; delete {target} and the link yourself")
    try:
        kube = EmbeddedKube(stored.directory / STATE, clock=lambda: datetime.now(UTC))
    except StoreLocked as error:
        raise StoreLocked(f"{error}. To stop the sweep, run: sweep stop {stored.display_name}") from None
    if any(map(is_locked, stored.directory.glob("runs/*/logs/.*.lock"))):
        kube.close()
        raise StoreLocked(f"processes of {stored.display_name} are still ending; repeat the command in some seconds")
    return contextlib.closing(kube)


def _confirm(stored: StoredSweep) -> None:
    """Raises ConfigError without a terminal, and click's Abort."""
    if not sys.stdin.isatty():
        raise ConfigError(f"{stored.directory}: standard input is not a terminal; confirm with --yes")
    runs = f"{len(stored.runs)} run{'' if len(stored.runs) == 1 else 's'}"
    size = f"{_bytes(stored.directory) / 1e6:,.1f} MB"
    click.confirm(f"Delete {stored.display_name} with {runs} and {size} in {stored.directory}?", abort=True)


def _delete(directory: Path) -> None:
    """Delete the directory. A link in it is deleted, not what it refers to."""
    state = {STATE, LOCK, f"{STATE}-wal", f"{STATE}-shm"}
    for path in directory.iterdir():  # the state is last, so that the command can be repeated after an error
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in state:
            path.unlink()
    shutil.rmtree(directory)


def _bytes(directory: Path) -> int:
    files = (Path(folder, name) for folder, _, names in os.walk(directory) for name in names)
    return sum(file.lstat().st_size for file in files)
