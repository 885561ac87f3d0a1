"""The sandbox process: evaluates the tasks on its standard input.

Started as ``python -m sweep_operator.sandbox.worker``.
"""

from __future__ import annotations

import importlib

from sweep_operator.child_process import Send, limit_memory, serve
from sweep_operator.sandbox.tasks import Answer, AnyTask, evaluate

MEMORY = 512 * 1024 * 1024
"""Bytes that the process may allocate."""


def main() -> None:
    """Evaluate until standard input closes. The first answer says that the process is ready."""
    importlib.import_module("cel")  # slow, so not within the time limit of a task
    limit_memory(MEMORY)
    serve(_answer, greeting=Answer())


def _answer(line: bytes, send: Send) -> None:
    task = AnyTask.model_validate_json(line).root
    try:
        answer = evaluate(task)
    except MemoryError:
        answer = Answer(refused="it needs too much memory")
    send(answer)


if __name__ == "__main__":
    main()
