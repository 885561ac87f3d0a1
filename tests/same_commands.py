"""Command lines that `sweep` and `kubectl sweep` answer with the same words and the same exit code.

``SWEEP`` is a suspended sweep with one parameter x in [0, 1], ``DONE`` one of its runs that has succeeded, and
``FAILED`` one that has failed. ``PROGRAM`` is the program. Lines of standard output may begin with an object's type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    arguments: str
    code: int
    said: str
    """A line of standard output if the code is 0, else a part of standard error."""
    stdin: str | None = None


CASES = (
    Case("add SWEEP x=0.5", 0, "SWEEP.m.1 created"),
    Case("add SWEEP --like DONE --name mine", 0, "mine created"),
    Case("add SWEEP -f -", 0, "SWEEP.m.3 created", "- {x: 0.25}\n- {x: 1}\n"),
    Case("add SWEEP x=0.5 --name mine", 2, "--name: a run 'mine' already exists; choose another name"),
    Case("add SWEEP lr=1", 2, "error: lr: is not a parameter of SWEEP; known are x"),
    Case("add SWEEP x=fast", 2, "error: x: 'fast' is not a number, as uniform needs; give a number"),
    Case("add SWEEP x=nan", 2, "error: x: 'nan' is not a number, as uniform needs; give a number"),
    Case("add SWEEP x=.inf", 2, "error: x: "),
    Case("add SWEEP -f -", 2, "standard input, run 2: x: 'slow' is not a number", "- {x: 0.5}\n- {x: slow}\n"),
    Case("add SWEEP", 2, "nothing to run: give parameters, a file (-f) or a run (--like)"),
    Case("add SWEEP x=0.5 --like DONE7", 2, "did you mean DONE?"),
    Case("add SWEEP x=0.5 --name SWEEP.r.9", 1, "error: "),
    Case("add SWEEPS x=0.5", 2, "did you mean SWEEP?"),
    Case("retry FAILED", 0, "FAILED-retry-1 created"),
    Case("retry FAILED", 0, "FAILED-retry-2 created"),
    Case("retry DONE", 2, "DONE has not failed; to run it again, use `PROGRAM add SWEEP --like DONE`"),
    Case("retry mine", 2, "mine has not ended; end it with `PROGRAM stop mine`, then retry it"),
    Case("retry sweep/SWEEP", 2, "'sweep/SWEEP' is not a sweeprun; write NAME or sweeprun/NAME"),
    Case("stop DONE", 0, "DONE has already ended (Completed)"),
    Case("stop sweeprun/mine", 0, "mine stopped"),
    Case("stop pod/SWEEP", 2, "'pod/SWEEP': unknown resource type 'pod'; write sweep/NAME or sweeprun/NAME"),
    Case("suspend sweep/SWEEP", 0, "SWEEP suspended (unchanged)"),
    Case("logs SWEEP", 2, "'SWEEP' is a sweep; name one of its runs, as in "),
    Case("logs DONE --attempt 0", 2, "0 is not in the range x>=1"),
    Case("limits SWEEP", 0, "totalCost=null"),
    Case("limits SWEEP maxRun=7", 2, "error: maxRun: unknown limit; did you mean maxRuns?"),
    Case("limits SWEEP maxRuns=77 totalCost=2.5", 0, "SWEEP limits updated"),
    Case("limits SWEEP maxRuns=77", 0, "SWEEP limits updated (unchanged)"),
    Case("limits SWEEP totalCost=null", 0, "SWEEP limits updated"),
    Case("limits SWEEP", 0, "maxRuns=77"),
    Case("resume SWEEP", 0, "SWEEP resumed"),
    Case("suspend SWEEP", 0, "SWEEP suspended"),
    Case("stop SWEEP", 0, "SWEEP stopped"),
)


def check(run: Callable[..., Any], names: dict[str, str], program: str) -> None:
    """``run(*arguments, stdin=...)`` returns the exit code, standard output and standard error."""

    def named(text: str) -> str:
        for placeholder, name in {**names, "PROGRAM": program}.items():
            text = text.replace(placeholder, name)
        return text

    for case in CASES:
        code, out, err = run(*named(case.arguments).split(), stdin=case.stdin)
        assert code == case.code, (case, code, out, err)
        assert "Traceback" not in out + err
        if code == 0:
            assert named(case.said) in [re.sub(r"^sweep(run)?\.metta\.ai/", "", line) for line in out.splitlines()]
        else:
            assert out == "", (case, out)
            assert named(case.said) in err, (case, err)
