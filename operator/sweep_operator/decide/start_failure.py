"""Programs that cannot start: mistakes in the command, the program or its environment, which no parameter causes."""

from __future__ import annotations

import re
from collections.abc import Mapping

REMEDIES: Mapping[str, str] = {
    "ProgramNotFound": "correct spec.{stage}.command, or create the missing file",
    "ArgumentsRejected": "correct the arguments in spec.{stage}.command, or the names in spec.parameters",
    "SyntaxError": "correct the program",
    "ModuleNotFound": "install the module, or name the interpreter that has it in spec.{stage}.command",
    "CreateContainerConfigError": "correct spec.{stage}",
}
"""By the reason of the run's failure: what the user has to change."""

_NOT_FOUND = re.compile(r"not found|No such file|Permission denied|cannot execute|Exec format", re.IGNORECASE)
_SHELL_SYNTAX = re.compile(r"^\S*sh\b.*syntax error", re.IGNORECASE | re.MULTILINE)
_USAGE = re.compile(r"^usage:|^Could not override '", re.IGNORECASE | re.MULTILINE)
_BAD_VALUE = re.compile(r"invalid choice|invalid \S+ value|Invalid value for", re.IGNORECASE)
_FRAME = re.compile(r'^\s*File "(?!<frozen )[^"\n]*", line \d+, in (.+)$', re.MULTILINE)
_EVALUATED = re.compile(r'^Traceback .*^ *File "<[^"\n]*", line \d+$', re.DOTALL | re.MULTILINE)
"""A syntax error in a text that the program evaluates, not in a file."""
_ERRORS = {
    "SyntaxError": re.compile(r"^(SyntaxError|IndentationError|TabError)\b"),
    "ModuleNotFound": re.compile(r"^(ModuleNotFoundError|ImportError)\b|^\S*python\S*: No module named "),
}


def start_failure(exit_code: int, output: str) -> str | None:
    """A key of REMEDIES, or None if the parameters of the run may be the cause. ``output``: the end of the log."""
    text = output.strip()
    last = text.rpartition("\n")[2]
    if exit_code in (126, 127) and _NOT_FOUND.search(last):
        return "ProgramNotFound"
    if exit_code == 2 and "can't open file" in last:
        return "ProgramNotFound"
    if exit_code in (1, 2) and _SHELL_SYNTAX.search(text):
        return "SyntaxError"
    if exit_code in (1, 2) and _USAGE.search(text) and not _BAD_VALUE.search(text):
        return "ArgumentsRejected"
    imported = set(_FRAME.findall(text)) <= {"<module>"} and not _EVALUATED.search(text)  # raised by no function
    if exit_code == 1 and imported:
        return next((reason for reason, error in _ERRORS.items() if error.match(last)), None)
    return None
