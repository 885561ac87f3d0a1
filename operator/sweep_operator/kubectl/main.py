"""The ``kubectl-sweep`` program. Imports the module of a command when the command is called."""

from __future__ import annotations

import click

from sweep_operator.commands.lazy import LazyGroup
from sweep_operator.kubectl.options import cluster_options

COMPLETE_VARIABLE = "_KUBECTL_SWEEP_COMPLETE"
"""Environment variable that the completion script of `kubectl-sweep` sets."""
_COMMANDS = {
    "status": ("kubectl.status", "status", "Show all sweeps, or one sweep and its runs; -w watches it."),
    "top": ("kubectl.top", "top", "Show the resource usage and cost of active runs."),
    "best-params": ("kubectl.best_params", "best_params", "Print the best parameters of a sweep."),
    "export": ("kubectl.export", "export", "Write all runs of a sweep as CSV or JSON lines."),
    "import": ("kubectl.import_", "import_", "Import completed runs into a sweep."),
    "explain": ("kubectl.explain", "explain", "Explain a sweep by its model, or why a run was suggested."),
    "replay": ("kubectl.replay", "replay", "Compute the suggestion of a run again, and compare it with the run."),
    "report": ("kubectl.report", "report", "Write a self-contained HTML report."),
    "ui": ("kubectl.ui", "ui", "Show sweeps in a browser, as they change."),
    "logs": ("kubectl.logs", "logs", "Print the log of a run; -f streams it through all stages."),
    "add": ("kubectl.add", "add", "Add runs with given parameters."),
    "retry": ("kubectl.retry", "retry", "Retry failed runs."),
    "limits": ("kubectl.limits", "limits", "Change the limits of a sweep, such as maxRuns."),
    "suspend": ("kubectl.control", "suspend", "Suspend a sweep: no new runs start."),
    "resume": ("kubectl.control", "resume", "Resume a suspended or stopped sweep."),
    "stop": ("kubectl.control", "stop", "Stop a sweep or a run now."),
    "render": ("commands.render", "render", "Print the Sweep manifest of a configuration (| kubectl apply -f -)."),
    "validate": ("commands.validate", "validate", "Validate files without running anything."),
    "completion": ("kubectl.completion", "completion", "Print the completion script for bash or zsh."),
}
_ELSEWHERE = {
    **{name: f"to use sweeps on this machine, run `sweep {name}`" for name in ("run", "rollout", "init")},
    "list": "use `kubectl sweep status` to list sweeps",
    "get": "use `kubectl get sweeps` or `kubectl get sweepruns`",
    "delete": "use `kubectl delete sweep NAME`",
}


@click.group(
    cls=LazyGroup, entries=_COMMANDS, elsewhere=_ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"]}
)
@cluster_options
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="sweep-operator", message="kubectl-sweep %(version)s")
def cli(debug: bool) -> None:
    """Manage hyperparameter sweeps in a cluster, with the permissions of your kubeconfig.

    \b
        kubectl sweep status cartpole -w
        kubectl sweep logs cartpole.r.3 -f
        kubectl sweep add cartpole trainer.gamma=0.98
    """


def main() -> None:
    """Entry point of the console script."""
    cli.main(prog_name="kubectl sweep", complete_var=COMPLETE_VARIABLE)


if __name__ == "__main__":
    main()
