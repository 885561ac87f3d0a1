"""An optimizer process: answers each question on standard input with lines on standard output, one per suggestion.

Started as ``python -m sweep_operator.suggest.worker``. Its memory is limited to the bytes in SWEEP_OPTIMIZER_MEMORY.
"""

from __future__ import annotations

import os

from sweep_operator.child_process import Send, limit_memory, line_waits, serve
from sweep_operator.garbage import no_collection
from sweep_operator.suggest.messages import MEMORY, Answer, Interrupt, Prepare, Question
from sweep_operator.suggest.propose import Proposer, import_models

_TOO_LATE = Interrupt().model_dump_json().encode()
"""An interrupt that came after the end of the answer."""
_PREPARE = Prepare().model_dump_json().encode()
_proposer = Proposer(line_waits)


def main() -> None:
    """Answer until standard input closes."""
    if MEMORY in os.environ:
        limit_memory(int(os.environ[MEMORY]))
    serve(_answer)


def _answer(line: bytes, send: Send) -> None:
    if line.rstrip() == _TOO_LATE:
        return
    if line.rstrip() == _PREPARE:
        with no_collection():
            import_models()
        return
    try:
        for answer in _proposer.answer(Question.model_validate_json(line)):
            send(answer)
    except Exception as error:  # the parent decides what follows
        send(Answer(error=f"{type(error).__name__}: {error}"[:1000], end="complete"))


if __name__ == "__main__":
    main()
