"""One session with whatever SDK is on the path: every operation that this project uses, and what came of each.

Runs as a module in a process of its own and writes JSON: operation -> {"result" or "error", "asked": requests}.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import wandb

PROJECT = "acme/demo"
RUN = "demo-1a2b3c4d.r.0"
Operation = Callable[[dict[str, Any]], Any]
OPERATIONS: dict[str, Operation] = {}


def operation(do: Operation) -> Operation:
    OPERATIONS[do.__name__] = do
    return do


def control(call: str, **options: Any) -> Any:
    """One of the calls by which a test reaches into the server."""
    body = json.dumps({"call": call, "options": options}).encode()
    request = urllib.request.Request(os.environ["WANDB_BASE_URL"] + "/_control", body)
    with urllib.request.urlopen(request) as response:
        return json.load(response)["answer"]


def asked() -> list[str]:
    """The operations that the server has seen so far."""
    return [seen["operation"] for seen in control("requests")]


def plain(run: Any) -> dict[str, Any]:
    """A run as the public API shows it, without what the SDK adds and what depends on the clock."""
    summary = {key: value for key, value in run.summary._json_dict.items() if not key.startswith("_")}
    shown = {"id": run.id, "name": run.name, "state": run.state, "config": dict(run.config), "summary": summary}
    return shown | {"tags": list(run.tags), "group": run.group, "in a sweep": run.sweep_name is not None}


@operation
def version(kept: dict[str, Any]) -> Any:
    return wandb.__version__


@operation
def viewer(kept: dict[str, Any]) -> Any:
    kept["api"] = wandb.Api()
    return [kept["api"].viewer.username, kept["api"].default_entity]


@operation
def create_sweep(kept: dict[str, Any]) -> Any:
    config = {
        "name": "demo",
        "description": "uid 1a2b3c4d",
        "method": "custom",
        "controller": {"type": "local"},
        "metric": {"name": "score", "goal": "maximize"},
        "parameters": {"lr": {"min": 1e-5, "max": 1e-1}},
    }
    kept["sweep"] = wandb.sweep(config, entity="acme", project="demo")
    return len(kept["sweep"])


@operation
def find_sweep(kept: dict[str, Any]) -> Any:
    sweeps = kept["api"].project("demo", "acme").sweeps()
    return [[sweep.id == kept["sweep"], sweep.name, sweep.config["description"]] for sweep in sweeps]


@operation
def read_sweep(kept: dict[str, Any]) -> Any:
    sweep = kept["api"].sweep(f"{PROJECT}/{kept['sweep']}")
    return [sweep.name, sweep.state, sweep.config["method"], sweep.config["parameters"]["lr"]["min"]]


@operation
def log_run(kept: dict[str, Any]) -> Any:
    run = wandb.init(
        entity="acme", project="demo", id=RUN, name="demo.r.0", group="demo", tags=["trial"], resume="allow",
        config={"lr": 1e-05, "batch": 32.0, "nested": {"a": [1, 2.5]}}, settings=wandb.Settings(sweep_id=kept["sweep"]),
    )  # fmt: skip
    for step in range(5):
        run.log({"score": step / 2, "train/loss": 1.0 / (step + 1)})
    run.summary.update({"protein.state": "success", "protein.suggestion": {"lr": 1e-05}, "protein.cost": 3.0})
    run.finish()
    return [run.id, run.entity, run.project]


@operation
def read_runs(kept: dict[str, Any]) -> Any:
    kept["api"].flush()
    return [plain(run) for run in kept["api"].runs(PROJECT, lazy=False, include_sweeps=False, per_page=250)]


@operation
def read_runs_lazily(kept: dict[str, Any]) -> Any:
    kept["api"].flush()
    return [run.summary["score"] for run in kept["api"].runs(PROJECT, include_sweeps=False, per_page=250)]


@operation
def read_runs_with_sweeps(kept: dict[str, Any]) -> Any:
    kept["api"].flush()
    return [run.sweep.name for run in kept["api"].runs(PROJECT, lazy=False)]


@operation
def read_runs_of_sweep(kept: dict[str, Any]) -> Any:
    return [run.id for run in kept["api"].sweep(f"{PROJECT}/{kept['sweep']}").runs]


@operation
def read_run(kept: dict[str, Any]) -> Any:
    kept["run"] = kept["api"].run(f"{PROJECT}/{RUN}")
    return plain(kept["run"])


@operation
def update_summary(kept: dict[str, Any]) -> Any:
    kept["run"].summary.update({"score": 7.5, "protein.error": "none"})
    kept["api"].flush()
    return plain(kept["api"].run(f"{PROJECT}/{RUN}"))["summary"]


@operation
def update_config(kept: dict[str, Any]) -> Any:
    run = kept["api"].run(f"{PROJECT}/{RUN}")
    run.config["late"] = 1
    run.tags.append("late")
    run.update()
    kept["api"].flush()
    again = kept["api"].run(f"{PROJECT}/{RUN}")
    return [again.config["late"], again.config["batch"], list(again.tags)]


@operation
def read_history(kept: dict[str, Any]) -> Any:
    return [row["score"] for row in kept["run"].scan_history(keys=["_step", "score"])]


@operation
def sample_history(kept: dict[str, Any]) -> Any:
    return [row["score"] for row in kept["run"].history(keys=["score"], pandas=False)]


@operation
def list_files(kept: dict[str, Any]) -> Any:
    return sorted(file.name for file in kept["run"].files() if file.name != "output.log")


@operation
def resume_run(kept: dict[str, Any]) -> Any:
    run = wandb.init(entity="acme", project="demo", id=RUN, resume="allow")
    run.log({"score": 9.0})
    step = run.step
    run.finish()
    kept["api"].flush()
    again = kept["api"].run(f"{PROJECT}/{RUN}")
    return [step, again.summary["score"], again.summary["protein.error"], again.state, again.config["lr"]]


@operation
def resume_never(kept: dict[str, Any]) -> Any:
    wandb.init(entity="acme", project="demo", id=RUN, resume="never")


@operation
def fail_run(kept: dict[str, Any]) -> Any:
    run = wandb.init(entity="acme", project="demo", id="failing", group="other")
    run.finish(exit_code=3)
    kept["api"].flush()
    return kept["api"].run(f"{PROJECT}/failing").state


@operation
def filter_runs(kept: dict[str, Any]) -> Any:
    found = {}
    for name, filters in {
        "sweep": {"sweep": kept["sweep"]},
        "state": {"state": {"$in": ["failed", "crashed"]}},
        "summary": {"summary_metrics.protein.state": "success"},
        "config": {"config.lr": {"$lt": 1e-4}},
        "group": {"$and": [{"group": "demo"}, {"tags": "trial"}]},
        "name": {"displayName": {"$regex": r"^demo\.r\."}},
    }.items():
        kept["api"].flush()
        found[name] = [run.id for run in kept["api"].runs(PROJECT, filters=filters, include_sweeps=False)]
    return found


@operation
def page_runs(kept: dict[str, Any]) -> Any:
    kept["api"].flush()
    return [run.id for run in kept["api"].runs(PROJECT, order="-created_at", include_sweeps=False, per_page=1)]


@operation
def best_run(kept: dict[str, Any]) -> Any:
    return kept["api"].sweep(f"{PROJECT}/{kept['sweep']}").best_run().id


@operation
def create_run(kept: dict[str, Any]) -> Any:
    return kept["api"].create_run(run_id="bare", project="demo", entity="acme").id


@operation
def log_artifact(kept: dict[str, Any]) -> Any:
    Path("model.txt").write_text("weights")
    run = wandb.init(entity="acme", project="demo", id="with-artifact")
    artifact = wandb.Artifact("model", "model")
    artifact.add_file("model.txt")
    logged = run.log_artifact(artifact).wait(60)
    run.finish()
    return [logged.version, logged.size]


@operation
def delete_run(kept: dict[str, Any]) -> Any:
    kept["api"].run(f"{PROJECT}/failing").delete()
    # the SDK takes a conflict for something that passes, and asks again until its time is up
    wandb.init(entity="acme", project="demo", id="failing", settings=wandb.Settings(init_timeout=3))


@operation
def missing_run(kept: dict[str, Any]) -> Any:
    kept["api"].run(f"{PROJECT}/never-there")


@operation
def missing_project(kept: dict[str, Any]) -> Any:
    return list(kept["api"].runs("acme/never-there", include_sweeps=False))


@operation
def new_project(kept: dict[str, Any]) -> Any:
    run = wandb.init(entity="acme", project="new", id="first")
    run.finish()
    return run.project


@operation
def foreign_entity(kept: dict[str, Any]) -> Any:
    wandb.init(entity="others", project="theirs", id="mine")


@operation
def unknown_entity(kept: dict[str, Any]) -> Any:
    wandb.init(entity="nobody", project="theirs", id="nobodys")


def perform(operations: Mapping[str, Operation], results: Path) -> None:
    """Does all operations in turn, whatever becomes of each, and writes down the outcomes."""
    kept: dict[str, Any] = {}
    outcomes: dict[str, Any] = {}
    before = asked()
    for name, do in operations.items():
        try:
            outcome = {"result": do(kept)}
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        after = asked()
        outcomes[name] = outcome | {"asked": after[len(before) :]}
        before = after
    results.write_text(json.dumps(outcomes))


if __name__ == "__main__":
    perform(OPERATIONS, Path(sys.argv[1]))
