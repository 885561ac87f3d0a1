"""The training command that `sweep best-params` prints, run as printed: the program gets what it got in the sweep."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.cli.main import cli
from sweep_operator.commands.objects import parsed
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.kube.embedded.container import build_process, place_of
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.machine.stored import stored_sweep
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.dry_run import pod_of_job
from sweep_operator.manifests.job import build_job
from sweep_operator.manifests.revision import build_revision
from tests.cli.stored_sweeps import T0, manifest, store

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS: dict[str, Any] = {
    "opt.lr": {"distribution": "log_normal", "min": 1e-6, "max": 1},
    "epochs": {"distribution": "int_log_normal", "min": 1, "max": 100},
    "x": {"distribution": "uniform", "min": -2, "max": 2},
    "layer": {"distribution": "categorical", "values": ["a b", "it's \\"]},
}
VALUES = {"opt.lr": 1e-5, "epochs": 12, "x": -0.5, "layer": "it's \\"}
FIXED: dict[str, Any] = {
    "name": """it's "$HOME" `id` $(date) $(args) \\ %s !""",
    "list": "[1, 'a b']",
    "count": -3,
    "flag": True,
    "off": False,
    "empty": "",
}
NAMES = [*PARAMETERS, *FIXED]
ENVIRONMENT = """{k: v for k, v in os.environ.items() if k.startswith("SWEEP_PARAM_")}"""
REPORT = """
with open("seen.jsonl", "a") as file:
    print(json.dumps(seen), file=file)
if "SWEEP_RESULTS_FILE" in os.environ:
    with open(os.environ["SWEEP_RESULTS_FILE"], "w") as file:
        json.dump({"reward": 1}, file)
print("loss = 0.5")
"""
HYDRA = f"""
import json, os
import hydra
from omegaconf import OmegaConf

@hydra.main(config_path=None, config_name="config", version_base="1.3")
def main(config):
    seen = OmegaConf.to_container(config)
    {REPORT.replace(chr(10), chr(10) + "    ")}

from hydra.core.config_store import ConfigStore
ConfigStore.instance().store("config", {{"opt": {{"lr": 1.0}}, {", ".join(f"{n!r}: None" for n in NAMES[1:])}}})
main()
"""
RUN = {"parameters": {"x": 1}, "status": {"score": 1.0}}
LOG = {"source": "Log", "pattern": "loss = {value}"}


def argument(name: str) -> str:
    return f"--{name}=$(params.{name})"


WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "args": ("sys.argv[1:]", {"args": ["$(args)"], "results": LOG}),
    "args and a results file": (
        """[*sys.argv[1:], os.environ["SWEEP_RUN_SEED"]]""",
        {"args": ["--seed=$(run.seed)", "$(args)"]},
    ),
    "W&B macros": (
        "[*sys.argv[1:-1], json.load(open(sys.argv[-1]))]",
        {"args": ["$(args_no_hyphens)", "$(args_no_boolean_flags)", "$(args_json)", "$(args_json_file)"]},
    ),
    "$(params.x)": ("sys.argv[1:]", {"args": list(map(argument, NAMES)), "results": LOG}),
    "some $(params.x)": (f"[sys.argv[1:], {ENVIRONMENT}]", {"args": ["$(params.x)"], "results": LOG}),
    "environment": (
        f"[{ENVIRONMENT}, os.environ['SWEEP_RUN_INDEX'], os.path.isdir(os.environ['SWEEP_RUN_DIR'])]",
        {},
    ),
    "own variables": (
        "[os.environ[f'X{n}'] for n in range(10)]",
        {"env": [{"name": f"X{n}", "value": f"<$(params.{name})>"} for n, name in enumerate(NAMES)], "results": LOG},
    ),
    "files": (
        "[open(os.environ[f'SWEEP_{name}_FILE']).read() for name in ('PARAMS', 'OVERRIDES')]"
        " + open(os.environ['SWEEP_CONFIG_FILE']).read().split('opt:')[1:]",
        {},
    ),
    "wandb.config": ("open(os.environ['WANDB_SWEEP_PARAM_PATH']).read()", {}),
    "a file as argument": ("json.load(open(sys.argv[1]))", {"args": ["$(SWEEP_PARAMS_FILE)"], "results": LOG}),
}


def run_in_the_sweep(folder: Path, program: str, template: dict[str, Any]) -> None:
    """Store a sweep with one run, and start the process of this run as `sweep run` does."""
    (folder / "my program.py").write_text(program)
    train = {"command": ["python", "my program.py"], **template}
    tracking = {"wandb": {"mode": "disabled"}}
    body = manifest("my_sweep", parameters=PARAMETERS, fixed=FIXED, train=train, tracking=tracking)
    store(folder / "sweeps", body, [{"parameters": VALUES, "status": {"score": 1.0}}])
    sweep, runs = stored_sweep(folder / "sweeps", "my_sweep").parsed()
    pod = pod_of_job(build_job(StageAttempt(sweep, runs[0], RunTemplate.of(sweep), "train", 1)))
    place = place_of(pod, folder / "sweeps")
    started = build_process(pod, place, lambda name: None, os.environ, folder, 0)
    subprocess.run(started.argv, env=started.env, cwd=started.cwd, check=True, capture_output=True)


def best_params() -> str:
    result = CliRunner().invoke(cli, ["best-params", "my_sweep", "--runs-dir", "sweeps"])
    assert result.exit_code == 0, result.output
    return result.stdout


def printed_command() -> str:
    """What `sweep best-params` prints under the last title."""
    *_, command = re.split("Complete training command:\n(?:   .*\n)*-{40}\n", best_params())
    return command.removesuffix("\n\n")


def run_in_shell(command: str, **env: str) -> str:
    """Run it in an environment with nothing of the sweep; return its output."""
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", command], env={**path, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def received() -> tuple[Any, Any]:
    """What the program received in the sweep, and then from the printed command."""
    run_in_shell(printed_command())
    first, second = Path("seen.jsonl").read_text().splitlines()
    return json.loads(first), json.loads(second)


@pytest.mark.parametrize("way", WAYS)
def test_the_printed_command_repeats_the_run(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expression, template = WAYS[way]
    run_in_the_sweep(tmp_path, f"import json, os, sys\nseen = {expression}\n{REPORT}", template)
    first, second = received()
    assert second == first
    assert (tmp_path / "configs").exists() is (way == "W&B macros"), "a Hydra patch only for a program that can use it"


def test_the_printed_command_of_a_hydra_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_in_the_sweep(tmp_path, HYDRA, {"args": ["$(overrides)"]})
    first, second = received()
    assert second == first
    assert first["name"] == FIXED["name"]
    (usage,) = re.findall("Use with: (.*)", best_params())
    run_in_shell(f"python 'my program.py' {usage}")
    assert json.loads(Path("seen.jsonl").read_text().splitlines()[-1]) == first, "the patch has the same values"


def test_the_command_is_of_the_template_that_the_run_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before, after = ({"command": ["echo", word, "$(args)"], "results": LOG} for word in ("old", "new"))
    old, _ = parsed(manifest(train=before, fixed={}), [])
    run = {"parameters": {"x": 1}, "status": {"score": 1.0, "templateHash": RunTemplate.of(old).hash}}
    state = store(tmp_path / "sweeps", manifest(train=after, fixed={}), [run]) / "state.db"
    assert run_in_shell(printed_command()) == "new --x=1\n"
    note = "The template of this run cannot be read; the command uses the sweep's current template."
    assert note in best_params()

    async def store_revision() -> None:
        kube = EmbeddedKube(state, clock=lambda: T0)
        sweep = read(Sweep, (await kube.list(Kind.SWEEP)).items[0])
        await kube.create(Kind.REVISION, build_revision(sweep, RunTemplate.of(old)))
        kube.close()

    asyncio.run(store_revision())
    assert run_in_shell(printed_command()) == "old --x=1\n"
    assert note not in best_params()


def test_the_printed_command_of_the_reference_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    body = yaml.safe_load((ROOT / "configs/examples/acrobot.yaml").read_text())
    values = {"trainer.n_steps": 64, "trainer.gamma": 0.97, "trainer.optimizer.learning_rate": 1e-4}
    body["spec"]["displayName"], body["metadata"]["namespace"] = "my_sweep", "default"
    store(tmp_path / "sweeps", body, [{"parameters": values, "status": {"score": -90}}])
    (tmp_path / "images").symlink_to(ROOT / "images")
    config = yaml.safe_load(run_in_shell(f"{printed_command()} --cfg job"))
    assert (config["run"], config["trainer"]["n_steps"], config["trainer"]["gamma"]) == ("my_sweep_best", 64, 0.97)
    assert config["trainer"]["optimizer"]["learning_rate"] == 1e-4


def test_values_from_the_cluster_are_taken_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "hub"}}}
    train = {
        "command": ["python", "-c", "import os, sys; print(sys.argv[1:], os.environ['a.b'])"],
        "args": ["$(args)", "--token=<$(TOKEN)>"],
        "env": [secret, {"name": "a.b", "value": "1 2"}],
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "workingDir": str(tmp_path / "a folder"),
        "results": LOG,
    }
    (tmp_path / "a folder").mkdir()
    store(tmp_path / "sweeps", manifest(train=train, fixed={"name": "a b"}), [RUN])
    printed = run_in_shell(printed_command(), TOKEN="it's $1")
    assert printed == """['--name=a b', '--x=1', "--token=<it's $1>"] 1 2\n"""
    assert "Export TOKEN first" in best_params()
    assert "Export the variables of settings first" in best_params()


def test_without_a_command_the_entry_point_of_the_image_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "hub"}}}
    train = {"image": "example/train:1", "args": ["$(args)", "--out=$(run.dir)"], "workingDir": "/app", "env": [secret]}
    store(tmp_path / "sweeps", manifest(train=train, fixed={"name": "a b"}), [RUN])
    (tmp_path / "docker").write_text("#!/bin/sh\nprintf '[%s]' \"$@\"")
    (tmp_path / "docker").chmod(0o755)
    called = run_in_shell(printed_command(), PATH=f"{tmp_path}:{os.environ['PATH']}")
    volume = f"[--volume][{tmp_path}/my_sweep_best:/sweep/run][--workdir][/app][--env][TOKEN][--env][SWEEP_"
    assert called.startswith(f"[run][--rm]{volume}")
    assert called.endswith("=/sweep/run/result.json][example/train:1][--name=a b][--x=1][--out=/sweep/run]")
    assert (tmp_path / "my_sweep_best").is_dir()
