"""The optimizer's process: reads questions from standard input, answers on standard output, ends with its input.

Started as ``python -m sweep_operator.suggest.worker``. Standard output carries answers only; everything that libraries
print goes to standard error.
"""

from __future__ import annotations

import os
import sys

# One thread: the training runs want the cores, and the number of threads changes BLAS's rounding.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def main() -> None:
    """Answer until the input ends."""
    from sweep_operator.suggest.messages import Answer, Question

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            from sweep_operator.suggest.propose import propose

            answer = propose(Question.model_validate_json(line))
        except Exception as error:  # the other side falls back and says so
            answer = Answer(error=f"{type(error).__name__}: {error}"[:1000])
        try:
            answers.write(answer.model_dump_json(by_alias=True) + "\n")
            answers.flush()
        except BrokenPipeError:  # whoever asked was killed meanwhile
            os._exit(0)


if __name__ == "__main__":
    main()
