"""The optimizer's process: answers each request on standard input with one line on standard output.

Started as ``python -m sweep_operator.suggest.worker``.
"""

from __future__ import annotations

from sweep_operator.child_process import Send, available_memory, limit_memory, serve
from sweep_operator.suggest.messages import Answer, Question
from sweep_operator.suggest.propose import propose

LEAST_MEMORY = 1280 * 1024 * 1024
"""Bytes that the process may always allocate: torch needs most of them."""
MAIN_MEMORY = 512 * 1024 * 1024
"""Bytes that remain for the operator's other processes. A container that exceeds its limit ends as a whole."""


def main() -> None:
    """Answer until standard input closes."""
    limit_memory(max(LEAST_MEMORY, available_memory() - MAIN_MEMORY))
    serve(_answer)


def _answer(line: bytes, send: Send) -> None:
    try:
        answer = propose(Question.model_validate_json(line))
    except Exception as error:  # the parent falls back to random suggestions and reports the error
        answer = Answer(error=f"{type(error).__name__}: {error}"[:1000])
    send(answer)


if __name__ == "__main__":
    main()
