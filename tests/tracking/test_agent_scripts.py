"""Programs written for ``wandb agent``: they find their parameters where it puts them, and nothing else is asked."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.local import LocalSession
from sweep_operator.manifests.overrides import wandb_text
from sweep_operator.manifests.substitution import Values, substitute_arguments
from tests.builders import sweep_body
from tests.local.sweeps import until
from tests.wandb_stub.server import WandbServer

PARAMETERS: dict[str, Any] = {
    "lr": 1e-05,
    "trainer.optimizer.weight_decay": 3.3333333333333335e-07,
    "batch-size": 128,
    "use_bias": True,
    "clip": False,
    "name": "adam w: 'x'\"\\ #1",
    "yes": "no",
    "word": "1e-05",
    "umlaut": "ä\U0001f600",
    "whole": 1.0,
}
AGENT_SCRIPT = """
import argparse, wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
arguments = parser.parse_args()
run = wandb.init()
assert wandb.config.lr == arguments.lr, (wandb.config.lr, arguments.lr)
assert wandb.config.layers == arguments.layers
for step in range(3):
    wandb.log({"loss": wandb.config.lr / (step + 1)})
    print('SWEEP_REPORT {"step": %d, "reward": 1}' % (step + 5))
print("reward =", wandb.config.lr * 2)
"""


def test_the_file_of_parameters_is_the_agents(tmp_path: Path) -> None:
    from wandb.sdk.lib.config_util import dict_from_config_file

    path = tmp_path / "parameters.yaml"
    path.write_text(wandb_text(PARAMETERS), encoding="utf-8")
    read = dict_from_config_file(str(path), must_exist=True)
    nested = {"trainer": {"optimizer": {"weight_decay": PARAMETERS["trainer.optimizer.weight_decay"]}}}
    assert read == {**PARAMETERS, **nested}
    assert {k: type(v) for k, v in (read or {}).items() if k in PARAMETERS} == {
        k: type(v) for k, v in PARAMETERS.items()
    }


def expanded(argument: str) -> list[str]:
    return substitute_arguments([argument], Values(PARAMETERS, frozenset(PARAMETERS), "s.r.0", 0, 1))


@pytest.mark.parametrize("macro", ["args", "args_no_hyphens", "args_no_boolean_flags", "args_json"])
def test_args_are_the_agents(macro: str) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    theirs = create_sweep_command_args({"args": {k: {"value": v} for k, v in PARAMETERS.items()}})[macro]
    ours = expanded(f"$({macro})")
    assert len(ours) == len(theirs)
    if macro == "args_json":
        assert json.loads(ours[0]) == json.loads(theirs[0]) == PARAMETERS
        return
    for mine, other in zip(ours, theirs, strict=True):
        (key, _, value), (their_key, _, their_value) = mine.partition("="), other.partition("=")
        assert key == their_key
        if isinstance(PARAMETERS[key.removeprefix("--")], float):  # 1.0e-05 here and 1e-05 there
            assert float(value) == float(their_value)
        else:
            assert value == their_value


def test_args_json_file_is_the_file_with_all_parameters() -> None:
    assert expanded("$(args_json_file)") == ["$(SWEEP_PARAMS_FILE)"], "Kubernetes expands the variable"


def _agents_sweep(script: Path, wandb: dict[str, Any]) -> dict[str, Any]:
    return sweep_body(
        "agent",
        method="random",
        seed=1,
        parameters={
            "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2},
            "layers": {"distribution": "int_uniform", "min": 1, "max": 4},
        },
        limits={"maxRuns": 2, "maxParallelRuns": 1},
        train={
            "command": [sys.executable, str(script), "$(args)"],
            "reports": {},
            "results": {"source": "Log", "pattern": "reward = (?P<value>[-+0-9.eE]+)"},
        },
        tracking={"wandb": wandb},
    )


async def test_an_agents_script_runs_unmodified(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig, monkeypatch: Any
) -> None:
    """Its run and the operator's are one: history of the one, score and parameters of the other."""
    script = tmp_path / "train.py"
    script.write_text(AGENT_SCRIPT)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))  # the program would leave a folder where the tests are started
    body = _agents_sweep(script, {"entity": "acme", "project": "p", "apiKeySecret": {"name": "wandb"}})
    folder = tmp_path / "runs"
    async with LocalSession(folder, body, config=quick) as running:
        _, runs = await until(running, lambda _, runs: running.done() and all(r.delivered for r in runs))
    assert [r.succeeded for r in runs] == [True, True], [r.status.failure for r in runs]
    shown = {run.display_name: run for run in wandb_env.runs()}
    assert sorted(shown) == ["agent.r.0", "agent.r.1"]
    (sweep,) = wandb_env.sweeps()
    for run in runs:
        found = shown[run.name]
        assert {k: v["value"] for k, v in found.config.items() if k != "_wandb"} == run.spec.parameters
        losses = [json.loads(row)["loss"] for row in found.history]
        assert (len(losses), losses[0]) == (3, run.spec.parameters["lr"]), "the program's history is the only one"
        assert len(run.status.curve) == 3
        assert (found.summary["score"], found.summary["protein.state"]) == (run.status.score, "success")
        assert found.summary["loss"] == losses[-1], "what the program wrote stays"
        assert (found.sweep, found.group, found.state) == (sweep.name, "agent", "finished")
    assert os.environ["WANDB_BASE_URL"] == wandb_env.url


async def test_with_tracking_disabled_it_needs_neither_key_nor_server(
    tmp_path: Path, wandb_env: WandbServer, quick: OperatorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "train.py"
    script.write_text(AGENT_SCRIPT)
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    async with LocalSession(tmp_path / "runs", _agents_sweep(script, {"mode": "disabled"}), config=quick) as running:
        _, runs = await until(running, lambda _, runs: running.done())
    assert [r.succeeded for r in runs] == [True, True], [r.status.failure for r in runs]
    assert wandb_env.runs() == []
