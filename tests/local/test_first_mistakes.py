"""A program that cannot start ends the sweep at its first run; the same command continues after the correction."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.meta import find_condition
from tests.local.sweeps import REPORT_X, end_of, finish, manifest, sh, why

TYPED = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--x', {})\np.parse_args()\n"
CLICK = "import click\n@click.command()\n@click.option('--n', type=int)\ndef main(n): pass\nmain()\n"
HYDRA = "import hydra\n@hydra.main(version_base=None, config_path=None)\ndef main(cfg): pass\nmain()\n"
NESTED = "def f(): import nosuchmodule\nf()\n"
ONE = {"maxRuns": 9, "maxParallelRuns": 1}


def python(folder: Path, source: str, *args: str) -> dict[str, Any]:
    (folder / "program.py").write_text(source)
    return {"command": [sys.executable, str(folder / "program.py")], "args": list(args or ("$(args)",))}


def made(folder: Path, program: str | list[str]) -> dict[str, Any]:
    """A source of Python, a command, or a script of the shell."""
    if isinstance(program, list):
        return {"command": program}
    return sh(program[3:]) if program.startswith("sh:") else python(folder, program)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (["no-such-program", "$(args)"], "ProgramNotFound"),
        ([sys.executable, "no-such-file.py", "$(args)"], "ProgramNotFound"),
        ([sys.executable, "-m", "no_such_module"], "ModuleNotFound"),
        (["/etc/hostname"], "ProgramNotFound"),
        ("sh:no-such-program --x=1", "ProgramNotFound"),
        ("sh:echo (", "SyntaxError"),
        ("def f(:\n", "SyntaxError"),
        ("import nosuchmodule\n", "ModuleNotFound"),
        (TYPED.format("type=float").replace("--x", "--y"), "ArgumentsRejected"),
        (CLICK, "ArgumentsRejected"),
        (HYDRA, "ArgumentsRejected"),
    ],
)
async def test_a_program_that_cannot_start_ends_the_sweep_at_the_first_run(
    tmp_path: Path, program: str | list[str], reason: str
) -> None:
    template = made(tmp_path, program)
    if program == HYDRA:
        template["args"] = ["$(overrides)"]
    sweep, runs = await finish(tmp_path, manifest(train=template, limits=ONE))
    assert end_of(sweep) == ("False", "ProgramCannotStart")
    assert [why(r) for r in runs] == [("infrastructure", reason)]
    assert runs[0].status.failure is not None
    assert runs[0].status.failure.message, "the last lines of the program"
    assert runs[0].status.train.attempt == 1, "not retried"
    ended = find_condition(sweep.status.conditions, "Succeeded")
    assert ended is not None
    assert "run the same command again" in ended.message
    assert sweep.status.optimizer.observations == 0, "the optimizer learns nothing from it"


@pytest.mark.parametrize(
    "program",
    [
        TYPED.format("choices=['0.9']"),
        TYPED.format("type=int"),
        "raise SystemExit(2)\n",
        "raise SystemExit(127)\n",
        NESTED,
        "eval('1 +')\n",
        "print('usage: less memory'); raise SystemExit(3)\n",
    ],
)
async def test_what_may_depend_on_the_parameters_is_a_crash_of_one_run(tmp_path: Path, program: str) -> None:
    body = manifest(train=python(tmp_path, program), limits={"maxRuns": 1}, perRun={"retries": {"onFailure": 0}})
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert [why(r) for r in runs] == [("crash", "Error")]


async def test_a_parameter_may_decide_which_program_runs(tmp_path: Path) -> None:
    names = {"p": {"distribution": "categorical", "values": ["/no/such/program", "/also/none"]}}
    body = manifest(parameters=names, train={"command": ["$(params.p)"]}, limits={"maxRuns": 1})
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert why(runs[0])[1] == "ProgramNotFound"


async def test_after_a_success_the_program_is_known_to_start(tmp_path: Path) -> None:
    script = f'if [ "$SWEEP_RUN_INDEX" != 1 ]; then {REPORT_X}; else no-such-program; fi'
    sweep, runs = await finish(tmp_path, manifest(train=sh(script), limits={"maxRuns": 2, "maxParallelRuns": 1}))
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert why(runs[1]) == ("crash", "Error")
    assert runs[1].status.train.attempt == 2


async def test_an_evaluation_that_cannot_start_is_not_repeated_for_every_training(tmp_path: Path) -> None:
    sweep, runs = await finish(tmp_path, manifest(train=sh("true"), eval=sh("no-such-program"), limits=ONE))
    assert end_of(sweep) == ("False", "ProgramCannotStart")
    ended = find_condition(sweep.status.conditions, "Succeeded")
    assert ended is not None
    assert "spec.eval.command" in ended.message
    assert len(runs) == 1


async def test_the_same_command_continues_after_the_program_is_corrected(tmp_path: Path) -> None:
    body = manifest(method="bayes", train=python(tmp_path, "import nosuchmodule\n"), limits={"maxRuns": 1})
    for _ in range(2):
        sweep, _ = await finish(tmp_path, body)
        assert end_of(sweep) == ("False", "ProgramCannotStart")
    report = "import os; open(os.environ['SWEEP_RESULTS_FILE'], 'w').write('{\"reward\": 1}')\n"
    body["spec"]["train"] = python(tmp_path, report)
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert [(r.status.score, r.spec.origin) for r in runs] == [(1.0, "center")], "the failed runs are replaced"


async def test_the_same_command_continues_after_failures_in_a_row(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    body = manifest(
        train=sh(f"[ -e {flag} ] || exit 1; {REPORT_X}"), limits={"maxRuns": 5, "maxConsecutiveFailures": 2}
    )
    sweep, _ = await finish(tmp_path, body)
    assert end_of(sweep) == ("False", "TooManyConsecutiveFailures")
    flag.touch()
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert sum(r.failed for r in runs) == 2, "failed runs stay"
    assert len(runs) == 5


@pytest.mark.parametrize(("given", "seconds"), [({}, 1), ({"retries": {"backoffSeconds": 30}}, 30)])
async def test_a_retry_follows_after_a_second_unless_the_sweep_says_otherwise(
    tmp_path: Path, given: dict[str, Any], seconds: int
) -> None:
    sweep, _ = await finish(tmp_path, manifest(perRun=given, limits={"maxRuns": 0}))
    assert sweep.spec.per_run.retries.backoff_seconds == seconds
