"""``sweep replay``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir
from sweep_operator.commands.recorded import Recorded
from sweep_operator.commands.replay import print_replay
from sweep_operator.machine.stored import stored_run


@click.command()
@click.argument("run")
@runs_dir(DEFAULT_RUNS_DIR)
def replay(run: str, runs_dir: Path) -> None:
    """Compute the suggestion of RUN again from its recorded provenance, and compare it with the run.

    On the machine that ran the sweep, with the same versions, the parameters are the same bit for bit. It takes as long
    as a suggestion of the sweep.

    \b
        sweep replay my_sweep.r.17
    """
    stored, _ = stored_run(runs_dir, run)
    sweep, runs = stored.parsed()
    print_replay(Recorded(sweep, runs, stored.config_maps()), run)
