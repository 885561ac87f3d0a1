"""Error messages for users: one line per problem on stderr, without a traceback.

The class InvalidObject is looked up in ``sys.modules``, not imported: importing the models takes more than half of the
run time of a short command.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from sweep_operator.commands.output import echo
from sweep_operator.config.errors import ConfigError, clipped

FAILED = 1
BAD_INPUT = 2
UNDELIVERED = 3
INTERRUPTED = 130


def report_failure(error: Exception) -> int:
    """Print ``error``; returns the exit code."""
    for line in failure_lines(error):
        echo(f"error: {clipped(line)}", err=True)
    return BAD_INPUT if isinstance(error, ConfigError) or _invalid_fields(error) else FAILED


def failure_lines(error: Exception) -> list[str]:
    """One line per problem."""
    if isinstance(error, ConfigError):
        return error.problems
    if fields := _invalid_fields(error):
        return [str(field) for field in fields]
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return [f"{name}{error.strerror or error}"]
    first = (str(error).splitlines() or [""])[0]
    if type(error).__module__.startswith("sweep_operator."):
        return [first or type(error).__name__]
    ctx = click.get_current_context(silent=True)
    program = ctx.find_root().info_name if ctx is not None else "sweep"
    return [f"{type(error).__name__}: {first}; run `{program} --debug ...` for the traceback"]


def _invalid_fields(error: Exception) -> Sequence[object]:
    module = sys.modules.get("sweep_operator.api.errors")
    return error.errors if module is not None and isinstance(error, module.InvalidObject) else ()
