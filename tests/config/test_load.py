"""Configurations, arguments and manifests become one Sweep manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.config.errors import ConfigError
from sweep_operator.config.load import Loaded, load_sweep
from sweep_operator.config.to_sweep import object_name, sweep_manifest
from tests.hostile_text import alias_bomb

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
UNIFORM = {"distribution": "uniform", "min": 0, "max": 1}


def load(*arguments: str) -> Loaded:
    return load_sweep(arguments, CONFIGS)


def spec(*arguments: str) -> dict[str, Any]:
    loaded = load(*arguments)
    parse(Sweep, loaded.manifest)
    content: dict[str, Any] = loaded.manifest["spec"]
    return content


def test_the_argument_style() -> None:
    loaded = load("run=my_experiment", "+hardware=macbook", "trainer.total_timesteps=20000", "sweep=quick")
    assert loaded.manifest["metadata"] == {"name": "my-experiment"}
    assert loaded.runs_dir == Path("./train_dir/sweep")
    content = loaded.manifest["spec"]
    assert content["displayName"] == "my_experiment"
    assert content["fixed"] == {"trainer.total_timesteps": 20000}
    assert content["train"]["hardware"] == "macbook"
    assert content["train"]["args"] == ["+hardware=macbook", "$(overrides)"]
    assert content["train"]["command"] == ["python", "images/trainer/train.py"]
    assert content["eval"]["command"] == ["python", "images/trainer/sweep_eval.py"]
    assert content["protein"]["suggestionsPerPareto"] == 256
    assert content["parameters"]["trainer.optimizer.learning_rate"]["scale"] == 0.5
    assert (content["metric"], content["goal"], content["method"]) == ("reward", "maximize", "bayes")
    assert "tracking" not in content


def test_unchanged_values_are_not_fixed() -> None:
    assert "fixed" not in spec("run=a")
    assert "fixed" not in spec("run=a", "+hardware=macbook"), "the run composes its own hardware"


def test_groups_and_values_on_top_of_them_reach_the_runs() -> None:
    content = spec("run=a", "trainer=acrobot", "sim=thorough", "+hardware=gpu-l4", "hardware.torch_threads=2")
    assert content["fixed"]["trainer.env"] == "Acrobot-v1"
    assert content["fixed"]["sim.episodes"] == 100
    assert content["fixed"]["hardware.torch_threads"] == 2
    assert "hardware.device" not in content["fixed"]
    assert "sim.env" not in content["fixed"], "an interpolation is resolved where it is used"


def test_a_group_keeps_a_parameter_searched_and_an_argument_fixes_it() -> None:
    by_group = spec("run=a", "sweep=demo", "trainer=acrobot", "+trainer/patch=example")
    assert "trainer.total_timesteps" in by_group["parameters"]
    assert "trainer.total_timesteps" not in by_group["fixed"]
    assert "trainer.optimizer.learning_rate" in by_group["parameters"]
    assert (
        "trainer.optimizer.learning_rate is searched; the configured value 0.001 is ignored"
        in load("run=a", "sweep=demo", "+trainer/patch=example").notes
    )
    loaded = load("run=a", "sweep=demo", "trainer.n_steps=64")
    assert "trainer.n_steps" not in loaded.manifest["spec"]["parameters"]
    assert loaded.manifest["spec"]["fixed"] == {"trainer.n_steps": 64}
    assert loaded.notes == ("trainer.n_steps is fixed at 64 and no longer searched",)


def test_an_argument_that_repeats_the_default_still_fixes() -> None:
    assert spec("run=a", "sweep=demo", "trainer.n_steps=128").get("fixed") == {"trainer.n_steps": 128}


def test_sweep_settings_seed_and_tracking() -> None:
    content = spec(
        "run=a", "sweep.limits.max_runs=3", "sweep.parameters.trainer.optimizer.learning_rate.max=1e-1", "seed=7",
        "wandb=online", "wandb.project=p",
    )  # fmt: skip
    assert content["limits"] == {"maxRuns": 3, "maxParallelRuns": 2}
    assert content["parameters"]["trainer.optimizer.learning_rate"]["max"] == 0.1
    assert content["seed"] == 7
    assert content["tracking"] == {"wandb": {"mode": "online", "project": "p"}}
    assert "fixed" not in content


def test_the_sweeps_own_fixed_values_are_resolved() -> None:
    assert spec("run=a", "sweep=full")["fixed"] == {"trainer.n_envs": 8}
    assert spec("run=a", "sweep=full", "trainer.n_envs=4")["fixed"] == {"trainer.n_envs": 4}


def test_a_sweep_configuration_as_the_file() -> None:
    content = load_sweep([str(CONFIGS / "sweep" / "demo.yaml"), "run=b", "sweep.limits.max_runs=2"]).manifest["spec"]
    assert content["limits"]["maxRuns"] == 2
    assert len(content["parameters"]) == 5


def test_the_reference_example_with_the_objective_inside_parameters(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "protein: {max_suggestion_cost: 3600, num_random_samples: 50}\nlow: 1e-5\n"
        "parameters:\n  metric: reward\n  goal: minimize\n  trainer:\n"
        "    optimizer: {learning_rate: {distribution: log_normal, min: 1e-5, max: 1e-2, scale: auto, mean: 3e-4}}\n"
        "    batch_size: {distribution: uniform_pow2, min: 16, max: 128, scale: auto, mean: 64}\n".replace(
            "low: 1e-5\n", ""
        )
    )
    content = load_sweep([str(path), "run=c"], CONFIGS).manifest["spec"]
    assert (content["metric"], content["goal"]) == ("reward", "minimize")
    assert set(content["parameters"]) == {"trainer.optimizer.learning_rate", "trainer.batch_size"}
    assert content["parameters"]["trainer.optimizer.learning_rate"]["min"] == 1e-5


def test_a_standalone_sweep_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "metric: loss\ngoal: minimize\nparameters: {lr: {distribution: uniform, min: 0, max: 1}}\n"
        "train: {command: [python, own.py], deadline_seconds: 60}\n"
    )
    content = load_sweep(["mine.yaml", "run=d", "sweep.parameters.lr.max=2"]).manifest["spec"]
    assert content["train"] == {"command": ["python", "own.py"], "deadlineSeconds": 60}
    assert "eval" not in content
    assert content["parameters"]["lr"]["max"] == 2


@pytest.mark.parametrize(
    ("run", "name"),
    [("my_experiment", "my-experiment"), ("A.b__C", "a-b-c"), ("x" * 40, "x" * 40), ("_", "sweep-d2e2ad")],
)
def test_object_names(run: str, name: str) -> None:
    assert object_name(run) == name


def test_a_shortened_name_stays_unique() -> None:
    first, second = object_name("long_" * 20 + "a"), object_name("long_" * 20 + "b")
    assert first != second
    assert len(first) <= 40
    assert parse(Sweep, sweep_manifest({"run": "long_" * 20 + "a", "sweep": {"parameters": {"x": UNIFORM}}})[0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "run: is required; add run=NAME"),
        (["run=a", "trainr.x=1"], "trainr.x: unknown setting; did you mean"),
        (["run=a", "sweep=foo"], "sweep/foo: configuration not found; known configurations: demo, full, quick"),
        (["run=a", "trainer.gamma"], "'trainer.gamma' is not a valid override; write key=value"),
        (["nosuch.yaml"], "nosuch.yaml: file not found"),
        (["run=a", "sweep.parameters.trainer.optimizer.learning_rate=3"], "is not a distribution"),
        (["run=a", "trainer.optimizer=null"], "trainer.optimizer: None is not a valid parameter value"),
    ],
)
def test_errors_have_a_remedy(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        load(*arguments)


MANIFEST = CONFIGS / "examples" / "cartpole.yaml"


def test_overrides_of_a_manifest() -> None:
    loaded = load_sweep(
        [str(MANIFEST), "run=My_Run", "+hardware=macbook", "trainer.batch_size=64", "spec.limits.maxRuns=3",
         "spec.parameters.trainer.gamma.max=0.99", "spec.fixed.trainer.n_envs=4", "~trainer.total_timesteps",
         "spec.train.env=[{name: A, value: b}]", "runs_dir=/tmp/x"],
    )  # fmt: skip
    sweep = parse(Sweep, loaded.manifest)
    assert (sweep.name, sweep.display_name) == ("my-run", "My_Run")
    assert sweep.spec.train.hardware == "macbook"
    assert sweep.spec.fixed == {"trainer.batch_size": 64, "trainer.n_envs": 4}
    assert "trainer.batch_size" not in sweep.spec.parameters
    assert sweep.spec.parameters["trainer.gamma"].max == 0.99
    assert sweep.spec.limits.max_runs == 3
    assert sweep.spec.train.env == [{"name": "A", "value": "b"}]
    assert loaded.runs_dir == Path("/tmp/x")
    assert loaded.notes == ("trainer.batch_size is fixed at 64 and no longer searched",)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("sweep=quick", "'sweep' is not a parameter of this Sweep"),
        ("+trainer/patch=x", "groups require a configuration"),
        ("spec.parameters.trainer.gama.max=1", "unknown parameter; known parameters: "),
        ("trainer.gamma=[1]", "is not a valid parameter value"),
        ("run=", "must not be empty"),
        ("~trainer.nothing", "neither searched nor fixed"),
    ],
)
def test_invalid_overrides_of_a_manifest(argument: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_sweep([str(MANIFEST), argument])


def test_other_objects_of_the_file_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    run = "apiVersion: metta.ai/v1alpha1\nkind: SweepRun\nmetadata: {name: mine}\nspec: {sweepName: cartpole}\n"
    path.write_text(f"{MANIFEST.read_text()}---\n{run}")
    loaded = load_sweep([str(path)])
    assert [e["metadata"]["name"] for e in loaded.extras] == ["mine"]
    path.write_text(f"{MANIFEST.read_text()}---\n{MANIFEST.read_text()}")
    with pytest.raises(ConfigError, match="contains 2 Sweeps"):
        load_sweep([str(path)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            alias_bomb(5),
            "line 3: aliases of this value repeat more than 1000 values, or it contains itself; write them out",
        ),
        (
            "a: &a [*a]",
            "line 1: aliases of this value repeat more than 1000 values, or it contains itself; write them out",
        ),
        ("{a: " * 65 + "x" + "}" * 65, "line 1: is nested more than 64 levels deep"),
    ],
)
@pytest.mark.parametrize("group", ["", "trainer"])
def test_files_that_only_hydra_reads_have_the_same_limits(tmp_path: Path, text: str, said: str, group: str) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "sweep_job.yaml").write_text("defaults: [trainer: t, _self_]\n" if group else text)
    file = tmp_path / group / ("t.yaml" if group else "sweep_job.yaml")
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_sweep(["run=a"], tmp_path)
    assert str(error.value) == f"{file}, {said}"


def test_spec_overrides_edit_the_manifest_of_any_config() -> None:
    loaded = load_sweep(["configs/sweep_job.yaml", "run=a", "spec.limits.maxRuns=5", "spec.target=475"])
    assert loaded.manifest["spec"]["limits"]["maxRuns"] == 5
    assert loaded.manifest["spec"]["target"] == 475
    assert "limits" in load_sweep(["configs/sweep_job.yaml", "run=a"]).manifest["spec"]
