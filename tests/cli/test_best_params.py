"""`sweep best-params`: the forms of the reference, every bit of every value, and a patch that Hydra applies."""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sweep_operator.cli.main import cli
from sweep_operator.domain.identity import run_seed
from sweep_operator.machine.stored import stored_sweep
from tests.cli.stored_sweeps import finished, manifest, store

ROOT = Path(__file__).resolve().parents[2]


def best_params(runs_dir: Path, *arguments: str, name: str = "my_sweep") -> Result:
    return CliRunner().invoke(cli, ["best-params", f"sweep_run={name}", "--runs-dir", str(runs_dir), *arguments])


def test_the_output_of_the_reference(tmp_path: Path) -> None:
    store(tmp_path, manifest(fixed={}), [finished(0.5), finished(0.87341), finished(None), finished(0.1)])
    patches = tmp_path / "patches"
    result = best_params(tmp_path, "--output-dir", str(patches))
    assert result.exit_code == 0, result.output
    values = (
        "trainer.activation=tanh trainer.batch_size=128 trainer.optimizer.learning_rate=7.31e-04 trainer.vf_coef=1.0"
    )
    program = "python images/trainer/train.py +hardware=cpu"
    sweep, runs = stored_sweep(tmp_path, "my_sweep").parsed()
    assert (
        result.stdout
        == f"""Best run: my_sweep.r.1 (score: 0.8734)
Cost: 10

{"=" * 60}
BEST HYPERPARAMETERS:
{"=" * 60}

1. As YAML config:
{"-" * 40}
trainer:
  activation: tanh
  batch_size: 128
  optimizer:
    learning_rate: 7.31e-04
  vf_coef: 1.0

2. Config patch saved to: {patches}/my_sweep_best.yaml
   Use with: +trainer/patch=my_sweep_best

3. As command-line overrides:
{"-" * 40}
{program} {values}

4. Complete training command:
{"-" * 40}
mkdir -p my_sweep_best
SWEEP_RUN_NAME=my_sweep_best \\
SWEEP_RUN_SEED={run_seed(sweep, runs[1])} \\
SWEEP_RUN_DIR="$PWD"/my_sweep_best \\
SWEEP_RESULTS_FILE="$PWD"/my_sweep_best/result.json \\
{program} {" ".join(f"{path}={value}" for path, value in runs[1].parameters.items())}

"""
    )
    patch = (patches / "my_sweep_best.yaml").read_text()
    assert patch.startswith(
        "# @package _global_\n# Best hyperparameters from sweep\n# Apply with: +trainer/patch=my_sweep_best\n"
    )
    assert "learning_rate: 7.31e-04" in patch


def test_the_patch_applies_through_hydra_bit_for_bit(tmp_path: Path) -> None:
    draw = random.Random(5)
    parameters: dict[str, Any] = {
        "trainer.optimizer.learning_rate": 10 ** draw.uniform(-5, -2),
        "trainer.vf_coef": draw.uniform(0, 2),
        "trainer.ent_coef": 1e-5,
        "trainer.gamma": 1 - 2**-20,
        "trainer.batch_size": 512,
        "trainer.activation": "relu",
    }
    searched = {
        **manifest()["spec"]["parameters"],
        "trainer.ent_coef": {"distribution": "log_normal", "min": 1e-6, "max": 1},
        "trainer.gamma": {"distribution": "logit_normal", "min": 0.9, "max": 0.9999999},
    }
    store(tmp_path, manifest(parameters=searched), [finished(1.0, parameters=parameters)])
    overlay = tmp_path / "overlay"
    result = best_params(tmp_path, "--output-dir", str(overlay / "trainer" / "patch"))
    with initialize_config_dir(config_dir=str(ROOT / "configs"), version_base="1.3"):
        search = f"hydra.searchpath=[{overlay.as_uri()}]"
        patched = compose("sweep_job", overrides=[search, "run=x", "+trainer/patch=my_sweep_best"])
        own = compose("sweep_job", overrides=["run=x", *_overrides(result.stdout)])
    for config in (patched, own):
        for path, value in parameters.items():
            got = OmegaConf.select(config, path)
            assert (got, type(got)) == (value, type(value)), path
        assert config.trainer.total_timesteps == 20000, "fixed parameters belong to the best run"
    assert patched.trainer.n_envs == 8, "the rest of the configuration stays"
    plain = yaml.safe_load((overlay / "trainer" / "patch" / "my_sweep_best.yaml").read_text())
    assert plain["trainer"]["ent_coef"] == 1e-5, "a YAML 1.1 reader sees a number too"


def _overrides(stdout: str) -> list[str]:
    complete = stdout.split("4. Complete training command:")[1].strip().splitlines()[-1]
    return [a for a in shlex.split(complete) if a.startswith("trainer.")]


@pytest.mark.parametrize(
    ("goal", "scores", "first"),
    [("maximize", [-200.5, -80.25, -80.5], 1), ("minimize", [0.3, 0.0, 0.1], 1), ("maximize", [-1.0, 0.0], 1),
     ("minimize", [5.0, 7.0], 0), ("maximize", [1.0, None, 3.0, 3.0], 2)],
)  # fmt: skip
def test_the_best_by_goal(goal: str, scores: list[float | None], first: int, tmp_path: Path) -> None:
    store(tmp_path, manifest(goal=goal), [finished(s) for s in scores])
    result = best_params(tmp_path, "--no-patch")
    score = scores[first]
    assert result.stdout.startswith(f"Best run: my_sweep.r.{first} (score: {score:.4f})")


def test_top_n_and_scores(tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(float(s), cost=s + 1.0) for s in (3, 1, 2)])
    result = best_params(tmp_path, "--top-n", "2", "--show-scores", "--no-patch")
    assert re.findall(r"my_sweep\.r\.(\d) +(\d\.\d) +cost (\d)", result.stdout) == [
        ("0", "3.0", "4"), ("2", "2.0", "3"), ("1", "1.0", "2"),
    ]  # fmt: skip
    assert "Best run: my_sweep.r.0" in result.stdout
    assert "#2: my_sweep.r.2" in result.stdout
    assert "#3" not in result.stdout
    assert re.findall("SWEEP_RUN_NAME=(.*) ", result.stdout) == ["my_sweep_best", "my_sweep_best_2"]
    assert not (tmp_path / "configs").exists()


def test_max_cost(tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(3.0, cost=100.0), finished(2.0, cost=10.0)])
    assert "Best run: my_sweep.r.1" in best_params(tmp_path, "--max-cost", "50", "--no-patch").stdout
    result = best_params(tmp_path, "--max-cost", "5", "--no-patch")
    assert result.exit_code == 2
    assert result.stderr == "error: --max-cost: no run cost 5 or less; the cheapest run cost 10\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["sweep_run=my_swep"], "no sweep 'my_swep' in"), (["sweep_run="], "write sweep_run=NAME"),
     (["run=my_sweep"], "unknown key 'run'"), (["sweep_run=empty"], "no run has a score yet (1 runs, 1 failed)")],
)  # fmt: skip
@pytest.mark.usefixtures("no_wandb_env")
def test_errors(arguments: list[str], said: str, tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(1.0)])
    store(tmp_path, manifest("empty"), [finished(None)])
    result = CliRunner().invoke(cli, ["best-params", *arguments, "--runs-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_sweep_is_found_by_its_object_name(tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(1.0)])
    assert best_params(tmp_path, "--no-patch", name="my-sweep").exit_code == 0


def test_help_names_every_option() -> None:
    text = CliRunner().invoke(cli, ["best-params", "--help"]).stdout
    for option in ("sweep_run=", "--top-n", "--show-scores", "--no-patch", "--output-dir", "--max-cost", "--by"):
        assert option in text


def test_the_best_run_reaches_the_thresholds_or_the_conditions_of_the_command(tmp_path: Path) -> None:
    objectives = [{"metric": "reward"}, {"metric": "latency", "goal": "minimize", "threshold": 50}]
    runs = [finished(score) for score in (0.9, 0.8, 0.7)]
    for run, latency in zip(runs, (80, 60, 40), strict=True):
        run["status"]["metrics"] = {"latency": latency}
    store(tmp_path, manifest(metric=None, objectives=objectives), runs)
    ends = {
        (): "my_sweep.r.2 (score: 0.7000)\nCost: 10\nlatency: 40\n",
        ("--where", "latency<70"): "my_sweep.r.1 (score: 0.8000)\nCost: 10\nlatency: 60\n",
        ("--where", "latency<70", "--where", "score<0.75"): "my_sweep.r.2 (score: 0.7000)\n",
    }
    for arguments, best in ends.items():
        assert f"Best run: {best}" in best_params(tmp_path, "--no-patch", *arguments).stdout
    refused = best_params(tmp_path, "--where", "speed<1")
    assert refused.exit_code != 0
    assert "no run has a metric 'speed'; they have cost, latency, score" in refused.stderr
