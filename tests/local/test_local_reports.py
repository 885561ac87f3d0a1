"""Reports of real processes: read while they run, and after a restart."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from sweep_operator.cli.main import cli
from sweep_operator.local import LocalSession
from tests.builders import X
from tests.local.sweeps import REPORT_X, finish, manifest, sh, until

ONE = {"maxRuns": 1, "maxParallelRuns": 1}


def reports(steps: str, value: str) -> str:
    line = f'SWEEP_REPORT {{\\"step\\": $step, \\"reward\\": {value}}}'
    return f'for step in {steps}; do echo "{line}"; done; '


async def test_reports_are_read_while_the_program_runs(tmp_path: Path) -> None:
    waits = 'while [ ! -e "$SWEEP_RUN_DIR/go" ]; do sleep 0.1; done; '
    train = sh(reports("1", "0.5") + waits + "echo reward at step 2: nan; " + REPORT_X)
    train["reports"] = {"maxStep": 2, "pattern": "reward at step {step}: {value}"}
    async with LocalSession(tmp_path, manifest(limits=ONE, train=train)) as session:
        _, (run,) = await until(session, lambda _, runs: any(r.status.progress for r in runs))
        assert run.status.progress is not None
        assert (run.status.progress.summary, run.status.progress.value) == ("50%", 0.5)
        (tmp_path / "s" / "runs" / run.name / "go").touch()
        _, (run,) = await until(session, lambda *_: session.done())
    assert run.succeeded
    assert [(p.step, p.value) for p in run.status.curve] == [(1, 0.5), (2, None)]
    assert run.status.progress is not None
    assert run.status.progress.summary == "100%"


async def test_an_attempt_that_resumes_replaces_the_steps_that_it_repeats(tmp_path: Path) -> None:
    first = 'if [ "$SWEEP_ATTEMPT" = 1 ]; then ' + reports("1 2 3", "0.1") + "exec sleep 600; fi; "
    train = {**sh(first + reports("2 4", "0.9") + REPORT_X), "reports": {}}
    body = manifest(limits=ONE, train=train)
    async with LocalSession(tmp_path, body) as session:
        await until(session, lambda _, runs: any(len(r.status.curve) == 3 for r in runs))
        await session.stop_processes()
    _, (run,) = await finish(tmp_path, body)
    assert [a.class_ for a in run.status.train.attempts] == ["preempted", "succeeded"]
    assert [(p.step, p.value, p.attempt) for p in run.status.curve] == [(1, 0.1, None), (2, 0.9, 2), (4, 0.9, 2)]
    seconds = [p.seconds for p in run.status.curve]
    assert seconds == sorted(seconds)
    hundredth = 0.01  # to which the seconds of a point are rounded
    assert seconds[1] >= run.status.train.attempts[0].seconds - hundredth, "the seconds of all attempts add up"


PROGRAM = """trap 'echo saved > "$SWEEP_RUN_DIR/checkpoint"; exit 143' TERM
good=$(awk "BEGIN {print ($SWEEP_PARAM_X >= 0.5)}")
for step in 1 2 3 4; do echo "SWEEP_REPORT {\\"step\\": $step, \\"reward\\": $good}"; done
if [ "$good" = 0 ]; then sleep 600 & wait; fi
"""


async def test_runs_that_fall_behind_are_stopped_and_may_save_their_work(tmp_path: Path) -> None:
    train = {**sh(PROGRAM + REPORT_X), "reports": {"maxStep": 100}}
    body = manifest(
        parameters={"x": {**X, "mean": 0.75}},
        limits={"maxRuns": 4, "maxParallelRuns": 1},
        train=train,
        earlyStopping={"rule": "asha", "minRuns": 1, "shadow": 0},
    )
    sweep, runs = await finish(tmp_path, body)
    bad = [run for run in runs if run.parameters["x"] < 0.5]
    assert runs[0] not in bad
    assert 0 < len(bad) < 4
    for run in runs:
        assert (run.pruned, run.succeeded) == (run in bad, run not in bad)
        assert (tmp_path / "s" / "runs" / run.name / "checkpoint").exists() == (run in bad)
    assert (sweep.status.runs.pruned, sweep.status.runs.failed) == (len(bad), 0)
    where = ["--runs-dir", str(tmp_path)]
    shown = CliRunner().invoke(cli, ["status", "s", *where]).stdout
    assert f"Early stopping: {len(bad)} run{'s' if len(bad) > 1 else ''} stopped" in shown
    assert [line.split()[1] for line in shown.splitlines() if line.startswith(bad[0].name)] == ["Pruned"]
    assert "No failed runs." in CliRunner().invoke(cli, ["status", "s", *where, "--failed"]).stdout
    best = CliRunner().invoke(cli, ["best-params", "sweep_run=s", *where, "--show-scores", "--no-patch"]).stdout
    assert bad[0].name not in best
