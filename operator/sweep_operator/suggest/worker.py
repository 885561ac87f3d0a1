"""The optimizer's process: answers each request on standard input with one line on standard output.

Started as ``python -m sweep_operator.suggest.worker``.
"""

from __future__ import annotations

from sweep_operator.child_process import Send, serve
from sweep_operator.suggest.messages import Answer, Question
from sweep_operator.suggest.propose import propose


def main() -> None:
    """Answer until standard input closes."""
    serve(_answer)


def _answer(line: bytes, send: Send) -> None:
    try:
        answer = propose(Question.model_validate_json(line))
    except Exception as error:  # the parent falls back to random suggestions and reports the error
        answer = Answer(error=f"{type(error).__name__}: {error}"[:1000])
    send(answer)


if __name__ == "__main__":
    main()
