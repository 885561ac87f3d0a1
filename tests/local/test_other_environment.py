"""A program with an environment of its own: another interpreter, with packages that the sweep does not have."""

from __future__ import annotations

import json
import venv
from pathlib import Path

from tests.local.sweeps import end_of, finish, manifest

PROGRAM = """
import json, os, sys
import only_here
try:
    import sweep_operator
    visible = True
except ImportError:
    visible = False
metrics = {"reward": only_here.score(float(os.environ["SWEEP_PARAM_X"]))}
print(json.dumps([sys.prefix, visible]))
json.dump(metrics, open(os.environ["SWEEP_RESULTS_FILE"], "w"))
"""


async def test_the_program_runs_in_the_environment_of_the_interpreter_that_the_sweep_names(tmp_path: Path) -> None:
    own = tmp_path / "project" / ".venv"
    venv.create(own, with_pip=False)
    (packages,) = own.glob("lib/python*/site-packages")
    (packages / "only_here.py").write_text("def score(x):\n    return 2 * x\n")
    (tmp_path / "project" / "train.py").write_text(PROGRAM)
    command = [str(own / "bin" / "python"), str(tmp_path / "project" / "train.py")]
    sweep, runs = await finish(tmp_path / "runs", manifest(train={"command": command}))
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert [run.status.score for run in runs] == [2 * float(run.spec.parameters["x"]) for run in runs]
    for run in runs:
        (log,) = (tmp_path / "runs" / "s" / "runs" / run.name).rglob("*.log")
        assert json.loads(log.read_text().splitlines()[-1]) == [str(own), False], "nothing of the sweep's is visible"
