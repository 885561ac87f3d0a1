"""Sweeps that have finished and were not delivered, as they lie in a local directory: hundreds of runs in a second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sweep_operator.api.errors import parse
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.curve import Point
from sweep_operator.engine.report_files import FOLDER, ReportFiles
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kube.state_file import read_objects
from sweep_operator.local.admission import admit
from tests.builders import sweep_body
from tests.wandb_stub.records import Run

NOW = "2026-01-02T03:04:05Z"
WANDB: dict[str, Any] = {"entity": "acme", "project": "sweeps"}


NOT_OURS = ("_wandb", "_runtime", "_step", "_timestamp", "protein.created")
REPORTS: list[dict[str, Any]] = [
    {"step": step, "seconds": 1.5 * step, **({} if step == 2 else {"value": step / 64})} for step in range(1, 41)
]
"""Every report of a run; the status has room for some of them."""
CURVE = [REPORTS[0], REPORTS[1], REPORTS[3], REPORTS[-1]]


def manifest(name: str, **wandb: Any) -> dict[str, Any]:
    spec = {
        "seed": 1,
        "parameters": {
            "trainer.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2},
            "trainer.batch": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
        },
        "fixed": {"trainer.name": "ppo"},
        "limits": {"maxRuns": 1, "maxParallelRuns": 1},
        "train": {"command": ["true"], "reports": {}},
        "tracking": {"wandb": {**WANDB, **wandb}},
    }
    return sweep_body(name, **spec)


def lr(index: int) -> float:
    return 1e-5 * (index + 1) / 3


def score(index: int) -> float:
    return index / 7


def fails(index: int) -> bool:
    return index % 6 == 5


def store(runs_dir: Path, name: str, count: int, **wandb: Any) -> Path:
    """A sweep of ``count`` finished runs, every sixth of them failed; returns its state file."""
    state = runs_dir / name / "state.db"
    state.parent.mkdir(parents=True)
    asyncio.run(_store(state, name, count, wandb))
    return state


async def _store(state: Path, name: str, count: int, wandb: dict[str, Any]) -> None:
    kube = EmbeddedKube(state, clock=lambda: datetime.now(UTC), admission=admit)
    body = manifest(name, **wandb)
    body["metadata"]["namespace"] = "default"
    sweep = await kube.create(Kind.SWEEP, body)
    ended = _condition("Succeeded", "True", "MaxRunsReached") | {"observedGeneration": sweep["metadata"]["generation"]}
    sweep["status"] = {"conditions": [ended], "nextIndex": count}
    await kube.update_status(Kind.SWEEP, sweep)
    files = ReportFiles(state.parent / FOLDER)
    for index in range(count):
        files.begin(f"pod-{index}")
        files.add(f"pod-{index}", [Point(r["step"], r.get("value"), r["seconds"]) for r in REPORTS])
        run = await kube.create(Kind.SWEEP_RUN, _run(sweep, index))
        run["status"] = _status(name, index)
        await kube.update_status(Kind.SWEEP_RUN, run)
    kube.close()


def _run(sweep: Object, index: int) -> Object:
    meta = sweep["metadata"]
    owner = {"apiVersion": sweep["apiVersion"], "kind": "Sweep", "name": meta["name"], "uid": meta["uid"]}
    return {
        "metadata": {
            "name": f"{meta['name']}.r.{index}",
            "namespace": "default",
            "labels": {"metta.ai/sweep": meta["name"]},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {
            "sweepName": meta["name"],
            "index": index,
            "origin": "model",
            "parameters": {"trainer.lr": lr(index), "trainer.batch": 64},
            "prediction": {"score": 0.5, "cost": 2.0},
        },
    }


def _status(name: str, index: int) -> Object:
    status: Object = {
        "runName": f"{name}.r.{index}",
        "seed": 1,
        "fixed": {"trainer.name": "ppo"},
        "templateHash": "0",
        "train": {"attempt": 1, "seconds": 12.5, "attempts": [{"n": 1, "podUID": f"pod-{index}", "seconds": 12.5}]},
        "cost": 12.5,
        "curve": CURVE,
    }
    if fails(index):
        failure = {"stage": "train", "class": "crash", "reason": "ExitCode", "message": "exit code 1"}
        return status | {"failure": failure, "conditions": _ended("False", "ExitCode")}
    good = [*_ended("True", "Completed"), _condition("TrainSucceeded", "True", "Completed")]
    return status | {"score": score(index), "metrics": {"reward": score(index), "train.loss": 0.25}, "conditions": good}


def _ended(status: str, reason: str) -> list[Object]:
    return [_condition("Finished", "True", reason), _condition("Succeeded", status, reason)]


def _condition(type_: str, status: str, reason: str) -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": NOW}


def stored_runs(state: Path) -> list[SweepRun]:
    """As they were last written."""
    return [parse(SweepRun, o) for o in read_objects(state, (Kind.SWEEP_RUN,))]


def assert_each_once(found: Iterable[Run], count: int, sweep_id: str) -> None:
    """Every run is there once, as it was stored, and no other."""
    by_index = {int(run.name.rpartition(".")[2]): run for run in found}
    assert sorted(by_index) == list(range(count))
    for index, run in by_index.items():
        config = {key: entry["value"] for key, entry in run.config.items() if key != "_wandb"}
        assert config == {"trainer.lr": lr(index), "trainer.batch": 64, "trainer.name": "ppo"}
        assert written_summary(run.summary) == expected_summary(index)
        assert curve_of(run.rows) == REPORTS
        assert run.sweep == sweep_id
        assert run.state == ("failed" if fails(index) else "finished")


def curve_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The points of the curve in a history, each row that is there."""
    names = {"curve/step": "step", "curve/value": "value", "curve/seconds": "seconds"}
    return [{names[key]: value for key, value in row.items() if key in names} for row in rows if "curve/step" in row]


def written_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Without W&B's own values and the creation time, which is checked here."""
    assert abs(datetime.fromisoformat(summary["protein.created"]) - datetime.now(UTC)) < timedelta(hours=1)
    return {k: v for k, v in summary.items() if k not in NOT_OURS and not k.startswith("curve/")}


def expected_summary(index: int) -> dict[str, Any]:
    common = {
        "cost": 12.5,
        "protein.cost": 12.5,
        "time.train": 12.5,
        "time.total": 12.5,
        "protein.suggestion": {"trainer": {"lr": lr(index), "batch": 64}},
        "protein.suggestion_flattened_items": [["trainer.lr", lr(index)], ["trainer.batch", 64]],
        "protein.suggestion_info": {"origin": "model", "score": 0.5, "cost": 2.0},
    }
    if fails(index):
        error = {"protein.error": "crash: ExitCode: exit code 1", "protein.failure_class": "crash"}
        return common | error | {"protein.state": "failure"}
    observed = {"score": score(index), "protein.objective": score(index), "reward": score(index), "train.loss": 0.25}
    return common | observed | {"protein.state": "success"}
