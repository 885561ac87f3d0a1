"""How a program of a run ends: exit codes with a meaning and one line of reason; no traceback for a user's mistake."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from ppo_trainer.results import report_error

WRONG_USE = 2
"""The command does not fit what is there; no parameter is to blame."""
BAD_PARAMETERS = 65
"""``EX_DATAERR`` of sysexits.h: this configuration can never work; a sweep learns it and does not retry."""
NO_INPUT = 66
"""``EX_NOINPUT``: what this stage reads (the policy) is not there."""
UNAVAILABLE = 69
"""``EX_UNAVAILABLE``: the hardware asked for is not here."""


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

    An exception that is not an :class:`Exit` is a defect: it is reported too, and raised again with its traceback.
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
