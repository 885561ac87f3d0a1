"""Sweeps in local mode with real processes, from the manifest to the observations."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api import stored
from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.calibration import calibration
from sweep_operator.engine.events import EventQueue
from sweep_operator.kube.protocol import Kind
from sweep_operator.local import LocalSession
from sweep_operator.local import session as session_module
from tests.local.sweeps import REPORT_X, end_of, finish, manifest, sh, until, why


async def test_train_and_eval_share_the_run_directory_and_results_are_recorded(tmp_path: Path) -> None:
    body = manifest(
        train=sh('mkdir -p "$SWEEP_RUN_DIR/checkpoints"; echo "$SWEEP_PARAM_X" > "$SWEEP_RUN_DIR/checkpoints/policy"'),
        eval=sh(
            """printf '{"metrics": {"reward": %s}, "checkpoint": "%s"}' """
            '"$(cat "$SWEEP_RUN_DIR/checkpoints/policy")" "$SWEEP_RUN_DIR" > "$SWEEP_RESULTS_FILE"'
        ),
    )
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert [r.status.score for r in runs] == [r.spec.parameters["x"] for r in runs], "bit for bit"
    assert all((r.status.cost or 0) > 0 for r in runs)
    assert runs[0].spec.origin == "center"
    assert runs[0].spec.parameters == {"x": 0.25}
    for run in runs:
        folder = tmp_path / "s" / "runs" / run.name
        assert (folder / "checkpoints" / "policy").is_file()
        assert (folder / "train_config_overrides.yaml").is_file()
        assert run.status.checkpoint == str(folder)
    assert "uid:" in (tmp_path / "s" / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 1", ("crash", "Error")),
        ('echo \'{"error": "lr is negative"}\' > $SWEEP_RESULTS_FILE; exit 65', ("parameters", "BadParameters")),
        ("exec sleep 600", ("timeout", "DeadlineExceeded")),
        ("echo hello > $SWEEP_RESULTS_FILE", ("crash", "ResultInvalid")),
        ("echo '{\"reward\": NaN}' > $SWEEP_RESULTS_FILE", ("parameters", "NonFiniteScore")),
        ("true", ("crash", "ResultMissing")),
        ("head -c 5000 /dev/zero | tr '\\0' 'x' > $SWEEP_RESULTS_FILE", ("crash", "ResultInvalid")),
        ("kill -9 $$$$", ("crash", "Error")),
    ],
)
async def test_failure_class_and_reason_and_three_failures_in_a_row_end_the_sweep(
    tmp_path: Path, script: str, expected: tuple[str, str]
) -> None:
    body = manifest(
        train=sh(script) | ({"deadlineSeconds": 1} if expected[0] == "timeout" else {}),
        limits={"maxRuns": 9, "maxParallelRuns": 1},
        perRun={"retries": {"onFailure": 0, "backoffSeconds": 0}},
    )
    sweep, runs = await finish(tmp_path, body)
    assert {why(r) for r in runs} == {expected}
    assert end_of(sweep) == ("False", "TooManyConsecutiveFailures")
    assert len(runs) == 3


async def test_out_of_memory_has_class_parameters(tmp_path: Path) -> None:
    hungry = "import time; x = bytearray(300_000_000); time.sleep(60)"
    body = manifest(
        train={"command": ["python", "-c", hungry], "resources": {"limits": {"memory": "100Mi"}}},
        limits={"maxRuns": 1},
    )
    _, runs = await finish(tmp_path, body)
    assert why(runs[0]) == ("parameters", "OOMKilled")


async def test_a_missing_command_has_class_infrastructure(tmp_path: Path) -> None:
    _, runs = await finish(tmp_path, manifest(train={"command": ["no-such-program"]}, limits={"maxRuns": 1}))
    assert why(runs[0])[0] == "infrastructure"
    assert "no-such-program" in (runs[0].status.failure.message if runs[0].status.failure else "")


async def test_a_crash_is_retried_in_the_same_run_directory(tmp_path: Path) -> None:
    script = f'if [ ! -e "$SWEEP_RUN_DIR/seen" ]; then touch "$SWEEP_RUN_DIR/seen"; exit 3; fi; {REPORT_X}'
    _, runs = await finish(tmp_path, manifest(train=sh(script), limits={"maxRuns": 1}))
    assert runs[0].succeeded
    assert (runs[0].status.train.attempt, runs[0].status.train.failures) == (2, 1)


async def test_a_failed_evaluation_is_retried_without_training(tmp_path: Path) -> None:
    flaky = f'if [ "$SWEEP_ATTEMPT" -lt 3 ]; then exit 1; fi; {REPORT_X}'
    body = manifest(train=sh('echo once >> "$SWEEP_RUN_DIR/trained"'), eval=sh(flaky), limits={"maxRuns": 1})
    _, runs = await finish(tmp_path, body)
    assert runs[0].succeeded
    assert (runs[0].status.train.attempt, runs[0].status.eval.attempt) == (1, 3)
    assert (tmp_path / "s/runs/s.r.0/trained").read_text() == "once\n"


async def test_failure_rules_read_the_log(tmp_path: Path) -> None:
    rules = [{"logPattern": "CUDA out of memory", "class": "parameters"}]
    body = manifest(
        train=sh("echo RuntimeError: CUDA out of memory; exit 1"),
        perRun={"failureRules": rules},
        limits={"maxRuns": 1},
    )
    _, runs = await finish(tmp_path, body)
    assert why(runs[0]) == ("parameters", "FailureRule0")
    assert runs[0].status.train.attempt == 1, "never retried"


async def test_a_program_without_sweep_support(tmp_path: Path) -> None:
    pattern = "eval_loss[=:] *{loss} after {seconds} s"
    train = {
        "command": ["sh", "-c", 'for i in 3 2 1; do echo "epoch eval_loss: $i.5e-1 after 2 s"; done; echo "$@"', "sh"],
        "args": ["--x=$(params.x)", "$(args)", "$(overrides)", "$(run.name)", "$(date)"],
        "results": {"source": "Log", "pattern": pattern},
    }
    body = manifest(train=train, metric="loss", goal="minimize", fixed={"n": 3}, limits={"maxRuns": 1})
    _, runs = await finish(tmp_path, body)
    assert runs[0].status.score == 0.15
    memory = runs[0].status.metrics["peakMemoryBytes"]
    assert runs[0].status.metrics == {"loss": 0.15, "seconds": 2.0, "peakMemoryBytes": memory}
    assert 1e5 < memory < 1e9
    logs = list((tmp_path / "s/runs/s.r.0/logs").glob("*.log"))
    assert "--x=0.25 --n=3 --x=0.25 n=3 x=0.25 s.r.0 $(date)" in logs[0].read_text()


async def test_a_run_that_diverges_at_the_end_of_its_log_has_no_score(tmp_path: Path) -> None:
    train = sh("printf 'loss=1.0\\nloss=0.33\\nloss=nan\\nloss=-inf\\n'") | {
        "results": {"source": "Log", "pattern": "loss={value}"}
    }
    _, runs = await finish(tmp_path, manifest(train=train, goal="minimize", limits={"maxRuns": 1}))
    assert why(runs[0]) == ("parameters", "NonFiniteScore")
    assert runs[0].status.score is None


async def test_constraints_conditions_and_fixed_values_reach_the_program(tmp_path: Path) -> None:
    parameters = {
        "x": {"distribution": "uniform", "min": 0, "max": 1},
        "opt.name": {"distribution": "categorical", "values": ["adam", "sgd"]},
        "opt.momentum": {
            "distribution": "uniform",
            "min": 0.5,
            "max": 0.9,
            "when": {"parameter": "opt.name", "in": ["sgd"]},
        },
    }
    body = manifest(
        parameters=parameters,
        fixed={"steps": 100, "flag": True},
        constraints=[{"rule": "params['x'] < 0.6"}],
        limits={"maxRuns": 8, "maxParallelRuns": 4},
    )
    _, runs = await finish(tmp_path, body)
    assert len({str(r.spec.parameters) for r in runs}) == 8
    assert {r.spec.parameters["opt.name"] for r in runs} == {"adam", "sgd"}
    for run in runs:
        given = json.loads((tmp_path / "s/runs" / run.name / "params.json").read_text())
        assert given == {**run.spec.parameters, "steps": 100, "flag": True}
        assert float(given["x"]) < 0.6
        assert ("opt.momentum" in given) == (given["opt.name"] == "sgd")


async def test_target_stops_the_sweep(tmp_path: Path) -> None:
    sweep, runs = await finish(tmp_path, manifest(target=0.2, limits={"maxRuns": 50}))
    assert end_of(sweep) == ("True", "TargetReached")
    assert len(runs) == 1


async def test_raising_the_limit_resumes_a_finished_sweep(tmp_path: Path) -> None:
    _, first = await finish(tmp_path, manifest(limits={"maxRuns": 2}))
    sweep, runs = await finish(tmp_path, manifest(limits={"maxRuns": 4}))
    assert [r.name for r in runs] == ["s.r.0", "s.r.1", "s.r.2", "s.r.3"]
    assert [r.status for r in runs[:2]] == [r.status for r in first]
    assert end_of(sweep) == ("True", "MaxRunsReached")


async def test_the_same_command_on_a_finished_sweep_does_nothing(tmp_path: Path) -> None:
    before = await finish(tmp_path, manifest())
    after = await finish(tmp_path, manifest())
    assert after == before


async def test_editing_an_immutable_field_is_rejected_and_changes_nothing(tmp_path: Path) -> None:
    before = await finish(tmp_path, manifest())
    with pytest.raises(InvalidObject, match=r"spec\.metric: is immutable"):
        await finish(tmp_path, manifest(metric="loss"))
    assert await finish(tmp_path, manifest()) == before


async def test_a_resumed_sweep_goes_on_without_the_jobs_of_ended_runs_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await finish(tmp_path, manifest())
    with closing(sqlite3.connect(tmp_path / "s" / "state.db")) as state, state:
        state.execute("UPDATE objects SET body = '{' WHERE kind = 'Job'")
    async with LocalSession(tmp_path, manifest(limits={"maxRuns": 4, "maxParallelRuns": 2})) as session:
        sweep, runs = await until(session, lambda *_: session.done() and "cannot be cleaned up" in caplog.text)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert [run.succeeded for run in runs] == [True] * 4
    assert "state.db" in caplog.text


async def test_suspend_drains_and_the_same_manifest_resumes(tmp_path: Path) -> None:
    slow = manifest(train=sh(f"sleep 0.5; {REPORT_X}"), limits={"maxRuns": 5})
    async with LocalSession(tmp_path, slow) as session:
        await until(session, lambda _, runs: any(r.status.train.start_time for r in runs))
        await session.suspend()
        _, runs = await until(session, lambda *_: session.drained() and session.idle())
        assert not session.done()
        assert all(r.succeeded for r in runs if r.status.train.attempt)
        made = len(runs)
    assert made < 5
    sweep, runs = await finish(tmp_path, slow)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert sum(r.succeeded for r in runs) == 5
    assert all(r.status.train.attempt == 1 for r in runs)


async def test_stopped_processes_count_as_preempted_and_resume(tmp_path: Path) -> None:
    script = f'echo start >> "$SWEEP_RUN_DIR/starts"; [ "$SWEEP_ATTEMPT" -gt 1 ] || exec sleep 600; {REPORT_X}'
    body = manifest(train=sh(script), limits={"maxRuns": 2, "maxParallelRuns": 2})
    async with LocalSession(tmp_path, body) as session:
        await until(session, lambda _, runs: len(runs) == 2 and all(r.status.train.start_time for r in runs))
        await session.stop_processes()
    _, runs = await finish(tmp_path, body)
    assert [(r.succeeded, r.status.train.attempt, r.status.train.preemptions) for r in runs] == [(True, 2, 1)] * 2
    assert (tmp_path / "s/runs/s.r.0/starts").read_text() == "start\nstart\n"


async def test_stop_ends_active_runs(tmp_path: Path) -> None:
    body = manifest(train=sh("exec sleep 600"))
    async with LocalSession(tmp_path, body) as session:
        await until(session, lambda _, runs: any(r.status.train.start_time for r in runs))
    sweep, runs = await finish(tmp_path, manifest(train=sh("exec sleep 600"), stop=True))
    assert end_of(sweep) == ("True", "Stopped")
    assert all(r.terminal for r in runs)
    resumed, runs = await finish(tmp_path, manifest())
    assert end_of(resumed) == ("True", "MaxRunsReached")
    assert sum(r.succeeded for r in runs) + sum(r.failed for r in runs) == len(runs)


async def test_manual_runs_are_adopted_executed_and_learned(tmp_path: Path) -> None:
    mine = {
        "apiVersion": "metta.ai/v1alpha1",
        "kind": "SweepRun",
        "metadata": {"name": "mine"},
        "spec": {"sweepName": "s", "parameters": {"x": 3}},
    }
    bad = {**mine, "metadata": {"name": "bad"}, "spec": {"sweepName": "s", "parameters": {"y": 1}}}
    sweep, runs = await finish(tmp_path, manifest(limits={"maxRuns": 2}), [mine, bad])
    named = {r.name: r for r in runs}
    assert named["mine"].status.score == 3.0
    assert why(named["bad"]) == ("parameters", "InvalidParameters")
    assert sum(r.spec.index is not None for r in runs) == 2, "manual runs do not count towards maxRuns"
    assert sweep.status.optimizer.observations == 3


async def test_the_optimizer_learns_from_a_sweep_with_protein(tmp_path: Path) -> None:
    body = manifest(method="bayes", limits={"maxRuns": 5, "maxParallelRuns": 1})
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert any(r.spec.origin == "model" and r.spec.prediction is not None for r in runs)
    healthy = [c for c in sweep.status.conditions if c.type == "OptimizerHealthy"]
    assert [c.status for c in healthy] == ["True"]


async def test_a_sweep_ends_when_further_runs_are_not_worth_it(tmp_path: Path) -> None:
    limits = {"maxRuns": 60, "maxParallelRuns": 2}
    body = manifest(method="bayes", limits=limits, stopping={"policy": "WhenNotWorthIt", "minGain": 0.5})
    sweep, runs = await finish(tmp_path, body)
    assert end_of(sweep) == ("True", "NotWorthIt")
    assert 10 <= len(runs) < 60
    assert max(run.status.score or 0.0 for run in runs) > 0.9
    (end,) = [c for c in sweep.status.conditions if c.type == "Succeeded"]
    assert "more runs, which would cost" in end.message
    assert end.message.endswith("; stopping.minGain is 0.5, lower it to continue")


async def test_predictions_are_recorded_and_calibrated(tmp_path: Path) -> None:
    """Each run of the model records its prediction. The status of the sweep reports the calibration."""
    body = manifest(method="bayes", limits={"maxRuns": 7, "maxParallelRuns": 1}, cost={"source": "Reported"})
    body["spec"]["train"] = sh(
        """printf '{"metrics": {"reward": %s}, "cost": 1%s}' """
        """"$SWEEP_PARAM_X" "$SWEEP_RUN_INDEX" > "$SWEEP_RESULTS_FILE" """
    )
    sweep, runs = await finish(tmp_path, body)
    by_model = [r for r in runs if r.spec.origin == "model"]
    assert len(by_model) >= 4
    for run in by_model:
        prediction = run.spec.prediction
        assert prediction is not None
        assert prediction.score_low < prediction.score < prediction.score_high
        assert 0 < prediction.cost_low < prediction.cost < prediction.cost_high
    for run in runs:
        if run.spec.origin != "model":
            assert run.spec.prediction is None
    optimizer = sweep.status.optimizer
    for found, quantity in ((optimizer.score_calibration, "score"), (optimizer.cost_calibration, "cost")):
        assert found == calibration(runs, quantity)
        assert found.runs == len(by_model)
    await _replays(tmp_path, by_model[-1])


async def _replays(runs_dir: Path, run: SweepRun) -> None:
    """`sweep replay` computes the same parameters again, and notices that something has changed."""
    told = run.spec.provenance
    assert told is not None
    assert 0 < told.observations <= run.spec.index
    program = [sys.executable, "-m", "sweep_operator.cli.main", "replay", run.name, "--runs-dir", str(runs_dir)]
    done = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True)
    assert "The parameters are the same, bit for bit." in done.stdout, done.stderr


async def test_no_configuration_passes_the_constraints(tmp_path: Path) -> None:
    sweep, runs = await finish(tmp_path, manifest(constraints=[{"rule": "params['x'] > 2.0", "message": "x is small"}]))
    assert end_of(sweep) == ("False", "SearchSpaceInfeasible")
    assert runs == []


async def test_only_runs_that_have_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(model: Any, obj: Any) -> Any:
        read.append(obj["metadata"]["name"])
        return stored.read(model, obj)

    async with LocalSession(tmp_path, manifest()) as session:
        await until(session, lambda *_: session.done())
        await session.settle()
        _, runs = session.view()
        monkeypatch.setattr(session_module, "read", counted)
        assert session.view()[1] == runs
        assert read == ["s"]
        await session.kube.delete(Kind.SWEEP_RUN, "default", "s.r.1")
        await until(session, lambda _, runs: [r.name for r in runs] == ["s.r.0", "s.r.2"])


def seeds(runs: list[SweepRun]) -> list[int | None]:
    return [r.status.seed for r in runs]


async def test_the_same_seed_makes_the_same_sweep(tmp_path: Path) -> None:
    _, one = await finish(tmp_path / "a", manifest(limits={"maxRuns": 3}))
    _, two = await finish(tmp_path / "b", manifest(limits={"maxRuns": 3}))
    assert [r.spec.parameters for r in one] == [r.spec.parameters for r in two]
    assert seeds(one) == seeds(two)
    assert len(set(seeds(one))) == 3


async def test_settle_waits_for_the_final_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are written after the status. Here they are delayed."""
    write = EventQueue._write

    async def slowly(queue: EventQueue, event: Any) -> Any:
        await asyncio.sleep(0.1)
        return await write(queue, event)

    monkeypatch.setattr(EventQueue, "_write", slowly)
    async with LocalSession(tmp_path, manifest()) as session:
        await until(session, lambda *_: session.done())
        await session.settle()
        reasons = [event["reason"] for event in session.events()]
    assert (reasons.count("RunCompleted"), reasons.count("MaxRunsReached")) == (3, 1)
