"""MettaProtein with the real SDK: the reference's programmatic example, online, offline and disabled; and history."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from protein import WandbProtein, make_optimizer
from tests.wandb_stub import metta_sweep
from tests.wandb_stub.sdk import environment, run_script
from tests.wandb_stub.server import WandbServer

EXAMPLE = """
from protein import MettaProtein
from omegaconf import OmegaConf
import wandb

# Setup config
config = OmegaConf.create({
    "sweep": {
        "protein": {
            "max_suggestion_cost": 3600,
            "num_random_samples": 50
        },
        "parameters": {
            "metric": "reward",
            "goal": "maximize",
            "trainer": {
                "optimizer": {
                    "learning_rate": {
                        "distribution": "log_normal",
                        "min": 1e-5,
                        "max": 1e-2,
                        "scale": "auto",
                        "mean": 3e-4
                    }
                },
                "batch_size": {
                    "distribution": "uniform_pow2",
                    "min": 16,
                    "max": 128,
                    "scale": "auto",
                    "mean": 64
                }
            }
        }
    }
})

# Initialize with wandb
wandb.init(project="my_project")
optimizer = MettaProtein(config)

# Get suggestions
suggestion, info = optimizer.suggest()
print(f"Try learning_rate: {suggestion['trainer']['optimizer']['learning_rate']}")
print(f"Try batch_size: {suggestion['trainer']['batch_size']}")

# Train your model...
%s

# Record results
optimizer.record_observation(objective=objective_value, cost=120.0)
"""
"""As the reference prints it; what it leaves out is the training."""
TRAINED = EXAMPLE % "objective_value = 0.87"
PRINTED = ["Try learning_rate: 0.0003", "Try batch_size: 64"]
CENTRE = {"trainer": {"optimizer": {"learning_rate": 0.0003}, "batch_size": 64}}


def test_the_references_example_online(wandb_server: WandbServer, tmp_path: Path) -> None:
    env = environment(wandb_server.url, tmp_path, WANDB_ENTITY="acme")
    assert run_script(TRAINED, env).splitlines()[:2] == PRINTED
    (run,) = wandb_server.runs("acme/my_project")
    assert run.state == "finished"
    assert run.values["trainer"] == CENTRE["trainer"]
    told = {k: v for k, v in run.summary.items() if not k.startswith("_")}
    info = told.pop("protein.suggestion_info")
    assert info["origin"] == "center"
    assert told == {
        "score": 0.87,
        "cost": 120,
        "protein.state": "success",
        "protein.objective": 0.87,
        "protein.cost": 120,
        "protein.suggestion": CENTRE,
        "protein.suggestion_flattened_items": [["trainer.optimizer.learning_rate", 0.0003], ["trainer.batch_size", 64]],
    }
    assert wandb_server.requests("Runs") == [], "a run outside any sweep has no history to ask for"


def test_the_references_example_offline_and_synced_later(wandb_server: WandbServer, tmp_path: Path) -> None:
    env = environment(wandb_server.url, tmp_path, WANDB_ENTITY="acme", WANDB_PROJECT="my_project", WANDB_MODE="offline")
    assert run_script(TRAINED, env).splitlines()[:2] == PRINTED
    assert wandb_server.requests(otel=True) == []
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    subprocess.run(
        [sys.executable, "-m", "wandb", "sync", str(folder)], env={**env, "WANDB_MODE": "online"}, check=True,
        capture_output=True, timeout=120,
    )  # fmt: skip
    (run,) = wandb_server.runs("acme/my_project")
    assert (run.summary["protein.state"], run.summary["protein.objective"]) == ("success", 0.87)
    assert run.summary["protein.suggestion"] == CENTRE


def test_the_references_example_disabled(wandb_server: WandbServer, tmp_path: Path) -> None:
    env = environment(wandb_server.url, tmp_path, key=None, WANDB_MODE="disabled")
    assert run_script(TRAINED, env).splitlines()[:2] == PRINTED
    assert wandb_server.requests(otel=True) == []
    assert list(tmp_path.glob("wandb/*")) == []


IN_A_SWEEP = """
import json, sys
import wandb
from protein import MettaProtein
n = {"distribution": "uniform_pow2", "min": 1, "max": 64}
parameters = {"x": {"distribution": "uniform", "min": 0, "max": 1}, "n": n}
config = {"sweep": {"metric": "reward", "goal": "maximize", "method": "random", "parameters": parameters}}
with wandb.init() as run:
    protein = MettaProtein(config)
    before = len(protein.optimizer.observations)
    suggestion, _ = protein.suggest()
    if sys.argv[1] == "fail":
        protein.record_failure("diverged")
    else:
        protein.record_observation(objective=suggestion["x"], cost=2.0)
seen = [[o.params, o.score, o.cost, o.is_failure] for o in protein.optimizer.observations[:-1]]
print(json.dumps({"before": before, "suggestion": suggestion, "counts": protein.counts, "seen": seen}))
"""


def in_a_sweep(
    server: WandbServer, folder: Path, sweep: str, how: str = "succeed", sdk: Path | None = None
) -> dict[str, Any]:
    env = environment(server.url, folder, sdk=sdk, WANDB_ENTITY="acme", WANDB_PROJECT="p", WANDB_SWEEP_ID=sweep)
    answer: dict[str, Any] = json.loads(run_script(IN_A_SWEEP, env, how).splitlines()[-1])
    return answer


def test_each_run_of_a_sweep_learns_from_those_before_it(
    wandb_server: WandbServer, tmp_path: Path, oldest_wandb: Path
) -> None:
    sweep = wandb_server.add_sweep("acme/p", "method: custom\nparameters: {x: {value: 0}}\n").name
    first = in_a_sweep(wandb_server, tmp_path, sweep)
    second = in_a_sweep(wandb_server, tmp_path, sweep, "fail")
    assert (first["before"], first["counts"], first["seen"]) == (0, {}, [])
    assert second["counts"] == {"success": 1}
    assert second["seen"] == [[first["suggestion"], first["suggestion"]["x"], 2.0, False]], "bit for bit"
    assert second["suggestion"] != first["suggestion"]

    ended = {"protein.state": "success", "protein.objective": 0.5, "protein.cost": 3.5}
    others = {
        "running": ("running", {"protein.state": "running", "protein.suggestion": {"x": 0.25, "n": 8}}),
        "lost": ("crashed", {"protein.state": "running", "protein.suggestion": {"x": 0.25, "n": 8}}),
        "foreign": ("finished", {**ended, "protein.suggestion": {"y": 1}}),
        "wrong": ("finished", {**ended, "protein.suggestion": {"x": "high"}}),
        "plain": ("finished", {"reward": 0.75, "_runtime": 9}),
        "pruned": (
            "finished",
            {
                "protein.state": "failure",
                "protein.failure_class": "pruned",
                "protein.last_report": 0.5,
                "protein.cost": 1.5,
                "protein.suggestion": {"x": 0.5, "n": 2},
            },
        ),
    }
    for name, (state, summary) in others.items():
        wandb_server.add_run(f"acme/p/{name}", state=state, summary=summary, sweep=sweep, config={"x": 0.125, "n": 4})
    wandb_server.add_run("acme/p/elsewhere", summary={**ended, "protein.suggestion": {"x": 1, "n": 1}})
    third = in_a_sweep(wandb_server, tmp_path, sweep, sdk=oldest_wandb)
    assert third["counts"] == {"success": 2, "failure": 2, "running": 1, "defunct": 1, "foreign": 2}
    assert third["seen"] == [
        [first["suggestion"], first["suggestion"]["x"], 2.0, False],
        [second["suggestion"], None, None, True],
        [{"x": 0.125, "n": 4}, 0.75, 9.0, False],
        [{"x": 0.5, "n": 2}, 0.5, 1.5, False],
    ]


def test_history_of_mettas_sweep_system(wandb_server: WandbServer, tmp_path: Path) -> None:
    sweep = metta_sweep.add_metta_sweep(wandb_server, count=10)
    script = """
import json, wandb
from protein import MettaProtein
lr = {"distribution": "log_normal", "min": 1e-6, "max": 1}
size = {"distribution": "uniform_pow2", "min": 16, "max": 128}
parameters = {"trainer": {"optimizer": {"learning_rate": lr}, "batch_size": size}}
with wandb.init() as run:
    protein = MettaProtein({"method": "random", "parameters": parameters})
    protein.suggest()
print(json.dumps([protein.counts, [[o.score, o.cost, o.is_failure] for o in protein.optimizer.observations]]))
"""
    env = environment(wandb_server.url, tmp_path, WANDB_ENTITY="acme", WANDB_PROJECT="p", WANDB_SWEEP_ID=sweep)
    counts, seen = json.loads(run_script(script, env).splitlines()[-1])
    assert counts == {"success": 9, "failure": 1, "running": 1, "defunct": 1}
    good = [[metta_sweep.objective(n), metta_sweep.cost(n), False] for n in range(9)]
    assert seen == [*good, [None, None, True]]


def test_a_diverged_run_is_recorded_as_a_failure(wandb_server: WandbServer, tmp_path: Path) -> None:
    """The SDK drops NaN, so a success would have no objective."""
    sweep = wandb_server.add_sweep("acme/p", "method: custom\nparameters: {x: {value: 0}}\n").name
    diverged = IN_A_SWEEP.replace('objective=suggestion["x"]', "objective=float(sys.argv[1])")
    env = environment(wandb_server.url, tmp_path, WANDB_ENTITY="acme", WANDB_PROJECT="p", WANDB_SWEEP_ID=sweep)
    for value in ("nan", "-inf"):
        run_script(diverged, env, value)
        told = wandb_server.runs()[-1].summary
        assert (told["protein.state"], told["protein.cost"]) == ("failure", 2.0)
        assert told["protein.error"] == f"the objective is not finite: {value}"
    third = in_a_sweep(wandb_server, tmp_path, sweep)
    assert third["counts"] == {"failure": 2}
    assert [(score, cost, failed) for _, score, cost, failed in third["seen"]] == [(None, 2.0, True)] * 2


def test_an_unreadable_history_raises_and_can_be_skipped(wandb_server: WandbServer, tmp_path: Path) -> None:
    script = """
import wandb
from protein import HistoryUnavailable, MettaProtein
config = {"parameters": {"x": {"distribution": "uniform", "min": 0, "max": 1}}, "method": "random"}
with wandb.init() as run:
    try:
        MettaProtein(config).suggest()
    except HistoryUnavailable as error:
        print(error)
    print(MettaProtein(config, run, load_history=False).suggest()[0])
"""
    sweep = wandb_server.add_sweep("acme/p", "method: random\nparameters: {x: {value: 0}}\n").name
    env = environment(wandb_server.url, tmp_path, WANDB_ENTITY="acme", WANDB_PROJECT="p", WANDB_SWEEP_ID=sweep)
    wandb_server.faults.add("status", "Runs", code=403, times=None)
    said, suggestion = run_script(script, env).splitlines()
    assert said.startswith(f"the runs of W&B sweep acme/p/{sweep} cannot be read")
    assert "load_history=False" in said
    assert suggestion == "{'x': 0.5}"


def test_works_without_a_wandb_run() -> None:
    optimizer = make_optimizer("random", {"x": {"distribution": "uniform", "min": 0, "max": 1}})
    protein = WandbProtein(optimizer)
    protein.suggest()
    protein.record_observation(objective=1.0, cost=2.0)
    with pytest.raises(RuntimeError, match="record each result once"):
        protein.record_failure("late")


def test_wandb_is_not_imported_without_a_run(tmp_path: Path) -> None:
    script = """
import sys
from protein import MettaProtein
protein = MettaProtein({"parameters": {"x": {"distribution": "uniform", "min": 0, "max": 1}}, "method": "random"})
protein.suggest()
protein.record_observation(objective=1.0, cost=2.0)
print("wandb" in sys.modules)
"""
    assert run_script(script, environment("http://127.0.0.1:9", tmp_path)) == "False\n"


def test_an_invalid_result_keeps_the_suggestion_open() -> None:
    protein = WandbProtein(make_optimizer("random", {"x": {"distribution": "uniform", "min": 0, "max": 1}}))
    protein.suggest()
    with pytest.raises(ValueError, match="'high' is not a number"):
        protein.record_observation(objective="high", cost=1.0)  # type: ignore[arg-type]
    protein.record_observation(objective=1.0, cost=1.0)
    with pytest.raises(RuntimeError, match="no suggestion is open"):
        protein.record_failure("twice")
