"""The sandbox process: evaluates the tasks on its standard input.

Started as ``python -m sweep_operator.sandbox.worker``.
"""

from __future__ import annotations

import importlib
import signal

from sweep_operator.child_process import Send, limit_memory, serve
from sweep_operator.sandbox.tasks import Answer, Request, evaluate

MEMORY = 256 * 1024 * 1024
"""Bytes that the process may allocate."""


def main() -> None:
    """Evaluate until standard input closes. The first answer says that the process is ready."""
    importlib.import_module("cel")  # slow, so not within the time limit of a task
    limit_memory(MEMORY)
    serve(_answer, greeting=Answer())


def _answer(line: bytes, send: Send) -> None:
    """Evaluate one task. A timer of the kernel ends the process (SIGPROF) after the limit of CPU time."""
    try:
        request = Request.model_validate_json(line)
        signal.setitimer(signal.ITIMER_PROF, request.seconds)
        answer = evaluate(request.task)
    except MemoryError:
        answer = Answer(refused="it needs too much memory")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    send(answer)


if __name__ == "__main__":
    main()
