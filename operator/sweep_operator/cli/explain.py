"""``sweep explain``."""

from __future__ import annotations

from pathlib import Path

import click

from sweep_operator.cli.names import complete_runs, complete_sweeps
from sweep_operator.commands.explain import ExplainOptions, explain_options, print_explanation
from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir, sweep_name
from sweep_operator.commands.recorded import Recorded
from sweep_operator.machine.stored import stored_sweep


@click.command()
@click.argument("name", shell_complete=complete_sweeps)
@click.argument("run", required=False, shell_complete=complete_runs)
@explain_options
@runs_dir(DEFAULT_RUNS_DIR)
def explain(name: str, run: str | None, options: ExplainOptions, runs_dir: Path) -> None:
    """Explain a sweep by its model: which parameters matter, and what the next runs are expected to buy.

    With RUN, explain why the optimizer suggested this run. The models are fitted for it, which takes some seconds. It
    works while the sweep runs, and after its end.

    \b
        sweep explain my_sweep
        sweep explain my_sweep my_sweep.r.17
        sweep explain my_sweep --parameter trainer.learning_rate --runs 20 -o json
    """
    stored = stored_sweep(runs_dir, sweep_name(name))
    sweep, runs = stored.parsed()
    print_explanation(Recorded(sweep, runs, stored.config_maps()), run, options, object_names=False)
