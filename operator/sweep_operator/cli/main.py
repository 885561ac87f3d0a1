"""The ``sweep`` command, also installed as ``kubectl-sweep``. A command's module is imported when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from sweep_operator.cli.failures import INTERRUPTED, report_failure

_COMMANDS = {
    "run": ("run", "run", "Run a sweep on this machine until it ends; the same command resumes it."),
    "rollout": ("run", "rollout", "Run one iteration: one suggestion, trained and evaluated."),
    "init": ("init", "init", "Create or fetch a sweep without running it."),
    "render": ("render", "render", "Print the Sweep manifest of a configuration (| kubectl apply -f -)."),
    "validate": ("validate", "validate", "Check files without running anything."),
    "status": ("status", "status", "Show a sweep and its runs."),
    "list": ("status", "list_", "List the sweeps of a directory."),
    "best-params": ("best_params", "best_params", "Print the best parameters, and write them as a Hydra patch."),
    "sync": ("sync", "sync", "Deliver finished runs to W&B that are not there yet."),
    "report": ("report", "report", "Write a self-contained HTML report."),
}
"""Name -> module of sweep_operator.cli, command in it, help. The help stands here so that --help imports nothing."""


class LazyGroup(click.Group):
    """Commands by name; errors of any of them in one place."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"sweep_operator.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_COMMANDS)}"
            ctx.fail(f"{args[0]!r} is no command; {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click has its own answer to these
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            ctx.exit(report_failure(error))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    """Entry point of the console scripts."""
    program = os.path.basename(sys.argv[0])
    cli.main(prog_name="kubectl sweep" if program.startswith("kubectl-") else "sweep")


if __name__ == "__main__":
    main()
