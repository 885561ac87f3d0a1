"""One session with the SDK against a server in trouble: what the SDK says, and what it does not say."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import wandb

from tests.wandb_stub.sdk_session import Operation, control, perform

SWEEP = {"method": "custom", "parameters": {"lr": {"min": 0.1, "max": 1.0}}, "metric": {"name": "score"}}


def log_a_run(name: str, **options: Any) -> str:
    run = wandb.init(entity="acme", project="demo", id=name, settings=wandb.Settings(init_timeout=20), **options)
    for step in range(3):
        run.log({"score": step})
    run.finish()
    return "finished"


def wrong_key(kept: dict[str, Any]) -> Any:
    return wandb.Api(api_key="x" * 40).viewer.username


def lost_answer_to_a_sweep(kept: dict[str, Any]) -> Any:
    control("add_fault", kind="commit-drop", on="UpsertSweep")
    return len(wandb.sweep(SWEEP, entity="acme", project="demo"))


def lost_answer_to_a_run(kept: dict[str, Any]) -> Any:
    control("add_fault", kind="commit-drop", on="UpsertBucket")
    return log_a_run("lost-answer")


def rows_that_nobody_takes(kept: dict[str, Any]) -> Any:
    control("add_fault", kind="status", on="file_stream", code=404, times=None)
    try:
        return log_a_run("not-taken")
    finally:
        control("clear_faults")


def rows_while_the_key_is_refused(kept: dict[str, Any]) -> Any:
    control("add_fault", kind="status", on="file_stream", code=401, times=None)
    try:
        return log_a_run("refused")
    finally:
        control("clear_faults")


def garbled_answer_to_a_run(kept: dict[str, Any]) -> Any:
    control("add_fault", kind="garbage", on="UpsertBucket")
    return log_a_run("garbled")


def runs_through_many_faults(kept: dict[str, Any]) -> Any:
    counts = {"status-500": 10, "status-429": 6, "drop": 6, "commit-drop": 6, "commit-status-502": 4}
    control("add_random_faults", seed=5, counts=counts, rate=0.4, on=["UpsertBucket", "file_stream"])
    total = 0
    with ThreadPoolExecutor(12) as pool:
        while control("faults")["remaining"]:
            names = [f"through-{total + n}" for n in range(12)]
            total += len(list(pool.map(lambda name: log_a_run(name, reinit="create_new"), names)))
    return total


OPERATIONS: dict[str, Operation] = {
    do.__name__: do
    for do in (
        wrong_key,
        lost_answer_to_a_sweep,
        lost_answer_to_a_run,
        rows_that_nobody_takes,
        rows_while_the_key_is_refused,
        garbled_answer_to_a_run,
        runs_through_many_faults,
    )
}

if __name__ == "__main__":
    perform(OPERATIONS, Path(sys.argv[1]))
