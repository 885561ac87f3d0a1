"""The ``sweep`` command: sweeps on this machine. For sweeps in a cluster see sweep_operator.kubectl."""

from __future__ import annotations

import click

from sweep_operator.commands.lazy import LazyGroup

_COMMANDS = {
    "run": ("cli.run", "run", "Run a sweep on this machine until it ends; the same command resumes it."),
    "rollout": ("cli.run", "rollout", "Run one iteration: suggest, train and evaluate."),
    "init": ("cli.init", "init", "Create a sweep without running it."),
    "render": ("commands.render", "render", "Print the Sweep manifest of a configuration (| kubectl apply -f -)."),
    "validate": ("commands.validate", "validate", "Validate files without running anything."),
    "status": ("cli.status", "status", "Show a sweep and its runs."),
    "list": ("cli.status", "list_", "List the sweeps of a directory."),
    "ui": ("cli.ui", "ui", "Show the sweeps of a directory in a browser, live."),
    "logs": ("cli.logs", "logs", "Print the log of a run; -f streams it through all stages."),
    "add": ("cli.add", "add", "Add runs with given parameters."),
    "retry": ("cli.retry", "retry", "Retry failed runs."),
    "limits": ("cli.limits", "limits", "Change the limits of a sweep, such as maxRuns."),
    "suspend": ("cli.control", "suspend", "Suspend a sweep: no new runs start."),
    "resume": ("cli.control", "resume", "Resume a suspended or stopped sweep."),
    "stop": ("cli.control", "stop", "Stop a sweep or a run now."),
    "delete": ("cli.delete", "delete", "Delete a sweep and its files."),
    "best-params": ("cli.best_params", "best_params", "Print the best parameters, and the command that uses them."),
    "export": ("cli.export", "export", "Write all runs of a sweep as CSV or JSON lines."),
    "import": ("cli.import_", "import_", "Import completed runs into a sweep."),
    "explain": ("cli.explain", "explain", "Explain a sweep by its model, or why a run was suggested."),
    "replay": ("cli.replay", "replay", "Compute the suggestion of a run again, and compare it with the run."),
    "sync": ("cli.sync", "sync", "Deliver finished runs that are missing in W&B."),
    "report": ("cli.report", "report", "Write a self-contained HTML report."),
}


@click.group(cls=LazyGroup, entries=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="sweep-operator", message="sweep %(version)s")
def cli(debug: bool) -> None:
    """Cost-aware hyperparameter sweeps.

    CONFIG is a Sweep manifest, a sweep configuration or a job configuration. key=value arguments override its fields:

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
