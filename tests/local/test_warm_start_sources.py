"""Warm-start sources in local mode: another sweep, a ConfigMap, a file, a W&B sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from tests.local.sweeps import REPORT_X, finish, manifest, sh
from tests.wandb_stub.sdk import environment
from tests.wandb_stub.server import WandbServer

ONE = {"maxRuns": 1}


@pytest.fixture
def own_wandb(wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WandbServer:
    """The user has logged in to the test server."""
    for name, value in environment(wandb_server.url, tmp_path / "wandb").items():
        monkeypatch.setenv(name, value)
    return wandb_server


def warm_started(sweep: Sweep) -> tuple[str, str, str]:
    condition = find_condition(sweep.status.conditions, "WarmStarted")
    assert condition is not None
    return condition.status, condition.reason, condition.message


async def test_another_sweep_whose_fixed_value_is_a_parameter_here(tmp_path: Path) -> None:
    await finish(tmp_path, manifest("first", limits={"maxRuns": 3}, fixed={"steps": 100}))
    parameters = {
        "y": {"distribution": "uniform", "min": 0, "max": 1},
        "steps": {"distribution": "int_uniform", "min": 1, "max": 1000},
    }
    warm: dict[str, Any] = {"from": [{"sweep": "first", "parameters": {"y": "x"}}]}
    train = sh(REPORT_X.replace("_X", "_Y"))
    body = manifest("second", warmStart=warm, parameters=parameters, train=train, limits=ONE)
    sweep, runs = await finish(tmp_path, body)
    assert sweep.status.optimizer.observations == 4
    assert warm_started(sweep) == ("True", "Read", "3 observations")
    assert runs[0].succeeded


async def test_all_source_types_together(
    own_wandb: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = own_wandb.add_sweep("acme/sweeps", "method: random\nparameters: {lr: {min: 0, max: 1}}\n").name
    for n in range(3):
        own_wandb.add_run(f"acme/sweeps/r{n}", summary={"reward": n}, config={"lr": 0.5}, sweep=past, created=float(n))
    monkeypatch.chdir(tmp_path)
    Path("old.csv").write_text("lr,reward,cost\n0.1,1,2\n0.2,3,4\n")
    lines = '{"parameters": {"x": 0.1}, "score": 1.0, "cost": 2.0}\n{"parameters": {"x": 0.2}, "isFailure": true}\n'
    table = "status,score,parameters.x\nsucceeded,1,0.3\nrunning,,0.4\n"
    config_map = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"},
        "data": {"a.csv": table, "observations": lines},
    }  # fmt: skip
    names = {"x": "lr"}
    sources = [
        {"wandb": {"sweepId": past, "entity": "acme"}, "parameters": names},
        {"configMap": "old"},
        {"file": "old.csv", "parameters": names},
    ]
    body = manifest("s", warmStart={"from": sources}, limits=ONE)
    sweep, _ = await finish(tmp_path / "runs", body, [config_map])
    assert sweep.status.optimizer.observations == 3 + 3 + 2 + 1
    skipped = "ConfigMap old: 1 run without a final result: line 3"
    assert warm_started(sweep) == ("True", "Read", f"8 observations, 7 with a score; {skipped}")


async def test_an_unreadable_source_does_not_block_the_others(own_wandb: WandbServer, tmp_path: Path) -> None:
    await finish(tmp_path, manifest("first", limits={"maxRuns": 3}))
    warm: dict[str, Any] = {"from": [{"sweep": "first"}, {"wandb": {"sweepId": "abc", "entity": "acme"}}]}
    sweep, _ = await finish(tmp_path, manifest("second", warmStart=warm, limits=ONE))
    assert sweep.status.optimizer.observations == 4
    status, reason, message = warm_started(sweep)
    assert (status, reason) == ("False", "SourceUnreadable")
    assert message.startswith("W&B sweep abc: W&B project acme/sweeps does not exist")
    assert message.endswith("(3 observations)")
