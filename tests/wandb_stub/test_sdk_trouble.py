"""The real SDK against a server in trouble. Some of it is why a finished run proves nothing: only a read-back does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.wandb_stub import sdk
from tests.wandb_stub.server import WandbServer


def test_what_the_sdk_says_in_trouble(wandb_sdk: Path | None, wandb_server: WandbServer, tmp_path: Path) -> None:
    env = sdk.environment(wandb_server.url, tmp_path, sdk=wandb_sdk, **sdk.IMPATIENT)
    outcomes = sdk.run_session("sdk_trouble", env)
    said = {name: outcome.get("result", outcome.get("error")) for name, outcome in outcomes.items()}
    assert re.match("AuthenticationError: ", said["wrong_key"])

    assert len(wandb_server.sweeps()) == 2  # one for each time that it asked
    assert said["lost_answer_to_a_sweep"] == 8

    runs = {run.name: run for run in wandb_server.runs()}
    assert (said["lost_answer_to_a_run"], len(runs["lost-answer"].rows)) == ("finished", 3)
    # no exception, and not a row arrived
    assert (said["rows_that_nobody_takes"], runs["not-taken"].rows) == ("finished", [])
    assert (said["rows_while_the_key_is_refused"], runs["refused"].rows) == ("finished", [])
    assert re.match("Error: Error initializing run: unexpected EOF", said["garbled_answer_to_a_run"])
    assert runs["garbled"].state == "running"  # it was created, and nobody knows

    through = [run for name, run in runs.items() if name.startswith("through-")]
    assert len(through) == said["runs_through_many_faults"]
    assert {tuple(row["score"] for row in run.rows) for run in through} == {(0, 1, 2)}
    assert {(run.state, run.summary["score"]) for run in through} == {("finished", 2)}
    assert sum(wandb_server.faults.injected[kind] for kind in ("status-500", "status-429", "drop")) == 22
    assert wandb_server.requests(otel=True) == wandb_server.requests()  # WANDB_ERROR_REPORTING=false


POD = """
import sys
import wandb

run = wandb.init(project="elsewhere", entity="elsewhere", id="mine", config={"lr": 0.1})
for step in range(4):
    if step == 2:
        print("halfway", flush=True)
        sys.stdin.readline()
    run.log({"score": step})
run.finish()
"""


def test_a_pod_joins_its_sweep_and_outlives_an_outage(
    wandb_sdk: Path | None, wandb_server: WandbServer, tmp_path: Path
) -> None:
    sweep = wandb_server.add_sweep("acme/demo", "{method: custom, parameters: {lr: {min: 0, max: 1}}}", "demo")
    pod = {
        "WANDB_SWEEP_ID": sweep.name,
        "WANDB_ENTITY": "acme",
        "WANDB_PROJECT": "demo",
        "WANDB_RUN_ID": "demo-1a2b3c4d.r.0",
        "WANDB_RUN_GROUP": "demo",
        "WANDB_NAME": "demo.r.0",
        "WANDB_TAGS": "trial,demo",
        "WANDB_RESUME": "allow",
    }
    env = sdk.environment(wandb_server.url, tmp_path, sdk=wandb_sdk, **sdk.IMPATIENT, **pod)
    with sdk.running_script(POD, env) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "halfway\n"
        wandb_server.stop()
        process.stdin.write("\n")
        process.stdin.flush()
        wandb_server.start()
        assert process.wait(300) == 0
    (run,) = wandb_server.runs()
    assert (run.path, run.display_name, run.sweep) == ("acme/demo/demo-1a2b3c4d.r.0", "demo.r.0", sweep.name)
    assert (run.group, run.tags, run.values) == ("demo", ["trial", "demo"], {"lr": 0.1})
    assert [row["score"] for row in run.rows] == [0, 1, 2, 3]
    assert run.state == "finished"
    assert wandb_server.sweeps()[0].state == "RUNNING"
