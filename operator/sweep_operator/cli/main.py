"""The ``sweep`` command: sweeps of this machine. A cluster's are for ``kubectl sweep`` (sweep_operator.kubectl)."""

from __future__ import annotations

import click

from sweep_operator.cli.lazy import Entry, LazyGroup

_COMMANDS = {
    "run": ("run", "run", "Run a sweep on this machine until it ends; the same command resumes it."),
    "rollout": ("run", "rollout", "Run one iteration: one suggestion, trained and evaluated."),
    "init": ("init", "init", "Create or fetch a sweep without running it."),
    "render": ("render", "render", "Print the Sweep manifest of a configuration (| kubectl apply -f -)."),
    "validate": ("validate", "validate", "Check files without running anything."),
    "status": ("status", "status", "Show a sweep and its runs."),
    "list": ("status", "list_", "List the sweeps of a directory."),
    "best-params": ("best_params", "best_params", "Print the best parameters, and write them as a Hydra patch."),
    "export": ("export", "export", "Write all runs of a sweep as CSV or JSON lines."),
    "import": ("import_", "import_", "Add runs that were made elsewhere to a sweep."),
    "sync": ("sync", "sync", "Deliver finished runs to W&B that are not there yet."),
    "report": ("report", "report", "Write a self-contained HTML report."),
}
"""Name -> module of sweep_operator.cli, command in it, help. The help stands here so that --help imports nothing."""
_ENTRIES = {name: Entry(f"sweep_operator.cli.{module}", *rest) for name, (module, *rest) in _COMMANDS.items()}


@click.group(cls=LazyGroup, entries=_ENTRIES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="sweep-operator", message="sweep %(version)s")
def cli(debug: bool) -> None:
    """Cost-aware hyperparameter sweeps.

    CONFIG is a Sweep manifest, a sweep configuration or a job configuration; key=value arguments change it:

    \b
      sweep run run=my_experiment +hardware=macbook trainer.total_timesteps=20000 sweep=quick
      sweep run configs/examples/cartpole.yaml spec.limits.maxRuns=12
      sweep best-params sweep_run=my_experiment --top-n 3
    """


def main() -> None:
    """Entry point of the console script."""
    cli.main(prog_name="sweep")


if __name__ == "__main__":
    main()
