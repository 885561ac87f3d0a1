"""Hydra composes every configuration; a sweep's parameters come between it and the command line, with every bit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st

from ppo_trainer.composition import SOURCE_CONFIGS, hydra_literal, load_config
from ppo_trainer.exits import BAD_PARAMETERS, BadParameters
from ppo_trainer.settings import TrainerSettings

GROUPS = ("trainer", "sim", "sweep", "wandb")


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (SOURCE_CONFIGS / group).glob("*.yaml"))


@pytest.mark.parametrize(
    "override",
    [f"{group}={name}" for group in GROUPS for name in choices(group) if (group, name) != ("trainer", "ppo")],
)
def test_every_choice_of_every_group_composes(override: str) -> None:
    config = load_config(["run=x", override], {})
    assert TrainerSettings.from_config(config.trainer).total_timesteps > 0
    assert config.sim.env == config.trainer.env
    assert config.sweep.metric == "reward"


@pytest.mark.parametrize("hardware", choices("hardware"))
def test_hardware_replaces_the_machine_and_no_hyperparameter(hardware: str) -> None:
    plain, config = load_config(["run=x"], {}), load_config(["run=x", f"+hardware={hardware}"], {})
    assert config.hardware.name == hardware
    assert config.trainer == plain.trainer
    assert config.train.args == [f"+hardware={hardware}", "$(overrides)"]
    assert set(config.hardware) == set(plain.hardware)


@pytest.mark.parametrize("name", choices("sweep"))
def test_every_searched_parameter_is_one_of_the_trainer(name: str) -> None:
    config = load_config(["run=x", f"sweep={name}"], {})

    def check(searched: dict, known: dict) -> None:
        for key, value in searched.items():
            assert key in known
            if "distribution" not in value:
                check(value, known[key])
            elif "mean" in value:
                assert value["min"] <= value["mean"] <= value["max"]

    check(config.sweep.parameters, config)


def test_the_demo_has_a_target_and_its_search_center_a_short_training() -> None:
    sweep = load_config(["run=x", "sweep=demo"], {}).sweep
    steps = sweep.parameters.trainer.total_timesteps
    assert sweep.target > -100
    assert steps.mean < math.sqrt(steps.min * steps.max), "the first run leaves something to find"


def test_a_patch_is_applied_by_hydra_and_the_command_line_wins() -> None:
    patched = load_config(["run=x", "+trainer/patch=example", "trainer.gamma=0.5"], {})
    assert (patched.trainer.batch_size, patched.trainer.optimizer.learning_rate) == (256, 1e-3)
    assert patched.trainer.gamma == 0.5
    assert load_config(["run=x", "+trainer/patch=example", "trainer.batch_size=32"], {}).trainer.batch_size == 32


def test_the_environment_can_set_another_config_directory(tmp_path: Path) -> None:
    (tmp_path / "sweep_job.yaml").write_text("run: ???\ntrainer: {gamma: 0.25}\n")
    assert load_config(["run=x"], {"SWEEP_CONFIG_DIR": str(tmp_path)}).trainer.gamma == 0.25
    with pytest.raises(BadParameters, match="SWEEP_CONFIG_DIR"):
        load_config(["run=x"], {"SWEEP_CONFIG_DIR": str(tmp_path / "absent")})


def sweep_files(directory: Path, gamma_in_lines: str = "0.9") -> dict[str, str]:
    nested = {
        "run": "my_sweep.r.3",
        "run_dir": str(directory / "run"),
        "seed": 7,
        "sweep_name": "my_sweep",
        "wandb": {"group": "my_sweep", "name": "my_sweep.r.3", "more": 1},
        "trainer": {"gamma": 0.95, "optimizer": {"learning_rate": 1.2345678901234567e-05}},
    }
    (directory / "train_config_overrides.yaml").write_text(yaml.safe_dump(nested))
    (directory / "overrides.txt").write_text(
        f"trainer.gamma={gamma_in_lines}\ntrainer.optimizer.learning_rate=1.2345678901234567e-05\n"
    )
    return {
        "SWEEP_CONFIG_FILE": str(directory / "train_config_overrides.yaml"),
        "SWEEP_OVERRIDES_FILE": str(directory / "overrides.txt"),
        "SWEEP_RUN_NAME": "my_sweep.r.3",
        "SWEEP_NAME": "my_sweep",
        "SWEEP_RUN_DIR": str(directory / "run"),
        "SWEEP_RUN_SEED": "9223372036854775807",
    }


def test_the_nested_file_of_a_sweep_is_applied_alone(tmp_path: Path) -> None:
    config = load_config([], sweep_files(tmp_path))
    assert config.trainer.gamma == 0.95
    assert config.trainer.optimizer.learning_rate == 1.2345678901234567e-05
    assert (config.run, config.sweep_name) == ("my_sweep.r.3", "my_sweep")
    assert config.run_dir == str(tmp_path / "run")
    assert config.seed == 2**63 - 1
    assert config.wandb.group == "my_sweep"


def test_the_override_lines_are_applied_without_a_nested_file(tmp_path: Path) -> None:
    environ = sweep_files(tmp_path)
    del environ["SWEEP_CONFIG_FILE"]
    config = load_config([], environ)
    assert (config.trainer.gamma, config.trainer.optimizer.learning_rate) == (0.9, 1.2345678901234567e-05)


def test_the_command_line_wins_over_the_sweep(tmp_path: Path) -> None:
    config = load_config(["trainer.gamma=0.5", "run_dir=/elsewhere", "trainer=acrobot"], sweep_files(tmp_path))
    assert (config.trainer.gamma, config.run_dir, config.trainer.env) == (0.5, "/elsewhere", "Acrobot-v1")
    assert config.trainer.optimizer.learning_rate == 1.2345678901234567e-05


@pytest.mark.parametrize("form", ["nested", "lines", "arguments"])
def test_an_unknown_parameter_is_rejected_with_the_nearest_name(tmp_path: Path, form: str) -> None:
    (tmp_path / "nested.yaml").write_text("trainer: {optimizer: {learning_rat: 0.1}}\n")
    (tmp_path / "lines.txt").write_text("trainer.optimizer.learning_rat=0.1\n")
    environ = {
        "nested": {"SWEEP_CONFIG_FILE": str(tmp_path / "nested.yaml")},
        "lines": {"SWEEP_OVERRIDES_FILE": str(tmp_path / "lines.txt")},
        "arguments": {},
    }[form]
    arguments = ["run=x", "trainer.optimizer.learning_rat=0.1"] if form == "arguments" else ["run=x"]
    with pytest.raises(BadParameters) as refused:
        load_config(arguments, environ)
    assert refused.value.code == BAD_PARAMETERS
    assert refused.value.reason == (
        "trainer.optimizer.learning_rat: unknown parameter; did you mean trainer.optimizer.learning_rate?"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "run: is not set; add run=NAME"),
        (["run=x", "trainer=unicycle"], "unicycle"),
        (["run=x", "+trainer/patch=absent"], "absent"),
        (["run=x", "trainer.gamma"], "trainer.gamma"),
    ],
)
def test_hydras_errors_are_one_line(arguments: list[str], reason: str) -> None:
    with pytest.raises(BadParameters) as refused:
        load_config(arguments, {})
    assert reason in refused.value.reason
    assert "\n" not in refused.value.reason


def test_an_unreadable_parameter_file_is_named() -> None:
    with pytest.raises(BadParameters, match="cannot read the parameters of the sweep"):
        load_config(["run=x"], {"SWEEP_CONFIG_FILE": "/nowhere/overrides.yaml"})


SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="$")), st.none(),
)  # fmt: skip


@given(value=SCALARS)
def test_every_scalar_passes_through_hydra_unchanged(value: object) -> None:
    with initialize_config_dir(config_dir=str(SOURCE_CONFIGS), version_base="1.3"):
        config = compose("sim/default", overrides=[f"sim.env={hydra_literal(value)}"])
    assert config.sim.env == value
    assert type(config.sim.env) is type(value)
