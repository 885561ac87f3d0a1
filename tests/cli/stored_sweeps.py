"""Sweeps in a runs directory, written as `sweep run` writes them, without running anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from tests.builders import sweep_body

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PARAMETERS: dict[str, Any] = {
    "trainer.optimizer.learning_rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4},
    "trainer.batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 1024, "mean": 128},
    "trainer.vf_coef": {"distribution": "uniform", "min": 0, "max": 2},
    "trainer.activation": {"distribution": "categorical", "values": ["tanh", "relu"]},
}
TRAIN = {"command": ["python", "images/trainer/train.py"], "args": ["+hardware=cpu", "$(overrides)"]}


def manifest(name: str = "my_sweep", **spec: Any) -> dict[str, Any]:
    base = {"displayName": name, "parameters": PARAMETERS, "train": TRAIN, "fixed": {"trainer.total_timesteps": 20000}}
    return sweep_body(name.replace("_", "-"), metadata={"namespace": "default"}, **{**base, **spec})


def finished(score: float | None, cost: float = 10.0, *, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Parameters and final status of a run. Without a score, the run failed."""
    values = {
        "trainer.optimizer.learning_rate": 0.000731, "trainer.batch_size": 128, "trainer.vf_coef": 1,
        "trainer.activation": "tanh", **(parameters or {}),
    }  # fmt: skip
    failure = {"stage": "train", "class": "parameters", "reason": "BadParameters", "message": "gamma is 2"}
    ended = {"score": score, "cost": cost} if score is not None else {"failure": failure}
    return {"parameters": values, "status": ended}


def store(
    runs_dir: Path, body: dict[str, Any], runs: Sequence[dict[str, Any]] = (), status: dict[str, Any] | None = None
) -> Path:
    """``<runs_dir>/<displayName>/state.db``; returns its directory."""
    directory = runs_dir / body["spec"]["displayName"]
    directory.mkdir(parents=True)
    asyncio.run(_write(directory / "state.db", body, runs, status))
    return directory


async def _write(
    path: Path, body: dict[str, Any], runs: Sequence[dict[str, Any]], status: dict[str, Any] | None
) -> None:
    with closing(EmbeddedKube(path, clock=lambda: T0)) as kube, kube.together():
        sweep = await kube.create(Kind.SWEEP, body)
        if status is not None:
            await kube.update_status(Kind.SWEEP, {**sweep, "status": status})
        for index, run in enumerate(runs):
            created = await kube.create(Kind.SWEEP_RUN, _run(body, index, run["parameters"]))
            await kube.update_status(Kind.SWEEP_RUN, {**created, "status": _status(body, index, run["status"])})


def _run(body: dict[str, Any], index: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
    name = body["metadata"]["name"]
    return {
        "apiVersion": "metta.ai/v1alpha1",
        "kind": "SweepRun",
        "metadata": {"name": f"{name}.r.{index}", "namespace": "default", "labels": {SWEEP_LABEL: name}},
        "spec": {"sweepName": name, "index": index, "origin": "model", "parameters": dict(parameters)},
    }


def _status(body: dict[str, Any], index: int, ended: dict[str, Any]) -> dict[str, Any]:
    if "score" in ended:
        state, reason = "True", "Completed"
    else:
        state, reason = ("False", ended["failure"]["reason"]) if "failure" in ended else ("Unknown", "Training")
    return {
        "runName": f"{body['spec']['displayName']}.r.{index}",
        "fixed": body["spec"].get("fixed", {}),
        "conditions": [
            {"type": "Succeeded", "status": state, "reason": reason, "lastTransitionTime": T0.isoformat()},
        ],
        **ended,
    }
