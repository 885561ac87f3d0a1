"""The ``kubectl-sweep`` program. A command's module is imported when it is called."""

from __future__ import annotations

import click

from sweep_operator.cli.lazy import Entry, LazyGroup
from sweep_operator.kubectl.options import cluster_options

COMPLETE_VARIABLE = "_KUBECTL_SWEEP_COMPLETE"
"""Set by the completion script of `kubectl-sweep`."""
_COMMANDS = {
    "status": ("kubectl.status", "status", "Show sweeps, or one sweep and its runs; -w follows it."),
    "top": ("kubectl.top", "top", "Show what the runs use and cost just now."),
    "best-params": ("kubectl.best_params", "best_params", "Print the best parameters in every form."),
    "export": ("kubectl.export", "export", "Write all runs of a sweep as CSV or JSON lines."),
    "import": ("kubectl.import_", "import_", "Add runs that were made elsewhere to a sweep."),
    "report": ("kubectl.report", "report", "Write a self-contained HTML report."),
    "logs": ("kubectl.logs", "logs", "Print the log of a run's stage; -f follows it from stage to stage."),
    "add": ("kubectl.add", "add", "Add runs with parameters of your own."),
    "retry": ("kubectl.retry", "retry", "Run a failed run's parameters again."),
    "suspend": ("kubectl.control", "suspend", "Start nothing new."),
    "resume": ("kubectl.control", "resume", "Go on with a suspended or stopped sweep."),
    "stop": ("kubectl.control", "stop", "End a sweep, or one run, now."),
    "render": ("cli.render", "render", "Print the Sweep manifest of a configuration (| kubectl apply -f -)."),
    "validate": ("cli.validate", "validate", "Check files without running anything."),
    "completion": ("kubectl.completion", "completion", "Print the completion script for bash or zsh."),
}
_ENTRIES = {name: Entry(f"sweep_operator.{module}", *rest) for name, (module, *rest) in _COMMANDS.items()}
_ELSEWHERE = {
    **{name: f"sweeps of this machine are for `sweep {name}`" for name in ("run", "rollout", "init")},
    "list": "`kubectl sweep status` lists the sweeps",
    "get": "`kubectl get sweeps` and `kubectl get sweepruns` are kubectl's own",
    "delete": "`kubectl delete sweep NAME` is kubectl's own",
}


@click.group(
    cls=LazyGroup, entries=_ENTRIES, elsewhere=_ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"]}
)
@cluster_options
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="sweep-operator", message="kubectl-sweep %(version)s")
def cli(debug: bool) -> None:
    """Hyperparameter sweeps of a cluster, with the rights of your kubeconfig.

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
