"""Whole manifests against committed files. ``UPDATE_GOLDEN=1 pytest tests/manifests`` rewrites them: read the diff."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.hardware import Profile
from sweep_operator.api.sweeprun import Stage
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.claim import build_claim
from sweep_operator.manifests.job import build_job
from sweep_operator.manifests.service import build_service
from tests.builders import SweepBuilder, make_run, make_sweep

GOLDEN = Path(__file__).parent / "golden"
CPU = Profile()
GPU = Profile.model_validate(
    {
        "gpus": 2,
        "resources": {"requests": {"cpu": "8"}},
        "nodeSelector": {"gpu": "l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "env": {"NCCL_DEBUG": "WARN"},
        "shmSize": "8Gi",
        "runtimeClassName": "nvidia",
        "runAsNonRoot": True,
        "capabilities": ["IPC_LOCK"],
    }
)
WANDB = {"wandb": {"entity": "metta", "project": "p", "apiKeySecret": {"name": "wandb"}}}
PATCH: dict[str, Any] = {
    "metadata": {"labels": {"team": "rl"}},
    "spec": {
        "containers": [
            {"name": "main", "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
            {"name": "extra", "image": "e"},
        ],
        "volumes": [{"name": "data", "hostPath": {"path": "/data"}}],
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "automountServiceAccountToken": None,
    },
}
CASES: dict[str, tuple[SweepBuilder, Profile, Stage, int | None]] = {
    "cpu-train": (make_sweep().eval(), CPU, "train", 600),
    "cpu-eval": (make_sweep().eval(hardware="cpu"), CPU, "eval", None),
    "empty-dir-log-spread": (make_sweep().train(args=["$(overrides)", "$(args)", "$(run.dir)"]), CPU, "train", None),
    "gpu": (make_sweep().train(hardware="gpu", resources={"requests": {"cpu": "4"}}), GPU, "train", 7200),
    "multi-node-limits": (
        make_sweep().train(nodes=2, resources={"limits": {"nvidia.com/gpu": 4}}),
        CPU,
        "train",
        None,
    ),
    "multi-node": (make_sweep().train(nodes=4, command=["torchrun", "train.py"]), GPU, "train", None),
    "existing-claim": (make_sweep().volume(existingClaim={"name": "shared", "subPath": "a/"}), CPU, "train", None),
    "queue": (make_sweep().spec(queue={"name": "team-rl", "priorityClass": "low"}), CPU, "train", None),
    "wandb": (make_sweep().spec(tracking=WANDB, displayName="My_Sweep"), CPU, "train", None),
    "pod-template": (make_sweep().train(podTemplate=PATCH), CPU, "train", None),
}


@pytest.mark.parametrize("case", CASES)
def test_manifests_match_the_golden_files(case: str) -> None:
    builder, profile, stage, deadline = CASES[case]
    sweep = builder.build()
    template = RunTemplate.of(sweep)
    run = make_run(sweep, **{"trainer.lr": 1e-05, "trainer.batch_size": 128})
    attempt = StageAttempt(sweep, run, template, stage, 2, profile, deadline)
    built = {
        "job": build_job(attempt),
        "claim": build_claim(sweep, run, template),
        "service": build_service(attempt),
    }
    text = json.dumps(built, indent=1, sort_keys=True) + "\n"
    path = GOLDEN / f"{case}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_file_has_a_case() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(CASES)
