"""Exit codes, and errors of one line: a user's mistake does not produce a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from ppo_trainer.results import report_error

WRONG_USE = 2
"""The command does not match the run directory. The parameters are not the cause."""
BAD_PARAMETERS = 65
"""``EX_DATAERR`` of sysexits.h: this configuration cannot work. A sweep learns that and does not retry."""
NO_INPUT = 66
"""``EX_NOINPUT``: the input of this stage (the policy) is missing."""
UNAVAILABLE = 69
"""``EX_UNAVAILABLE``: the requested hardware or package is not available."""


class Exit(Exception):
    """Ends the program with ``code`` and ``reason``."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = one_line(reason)


class BadParameters(Exit):
    """The configuration cannot work; ``reason`` names the parameter, its value and the remedy."""

    def __init__(self, reason: str) -> None:
        super().__init__(BAD_PARAMETERS, reason)


def one_line(text: str, limit: int = 600) -> str:
    """``text`` with white space collapsed, cut to ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def run_program(name: str, program: Callable[[], None], environ: Mapping[str, str]) -> int:
    """Run ``program`` and return its exit code; a failure's reason goes to stderr and to ``$SWEEP_RESULTS_FILE``.

    Any other exception is a bug. It is reported too and raised with its traceback.
    """
    try:
        program()
    except Exit as exit_:
        print(f"{name}: {exit_.reason}", file=sys.stderr, flush=True)
        report_error(environ, exit_.reason)
        return exit_.code
    except Exception as error:
        report_error(environ, one_line(f"{type(error).__name__}: {error}"))
        raise
    return 0
