"""The configurations that ship fit together: manifests, the API, the trainer's parameters, the programs they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from ruamel.yaml import YAML

from ppo_trainer.composition import SOURCE_CONFIGS, load_config
from ppo_trainer.settings import TrainerSettings
from sweep_operator.api.constraints import check_constraints
from sweep_operator.api.errors import parse
from sweep_operator.api.parameters import ParameterSpec
from sweep_operator.api.sweep import Sweep

ROOT = SOURCE_CONFIGS.parent
EXAMPLES = sorted((SOURCE_CONFIGS / "examples").glob("*.yaml"))


def example(path: Path) -> Sweep:
    return parse(Sweep, YAML(typ="safe").load(path))


def searched(node: Any, prefix: str = "") -> dict[str, dict[str, Any]]:
    """Dotted path -> distribution of a nested `parameters` block."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in node.items():
        path = f"{prefix}.{key}" if prefix else key
        found.update({path: value} if "distribution" in value else searched(value, path))
    return found


def center(spec: ParameterSpec) -> Any:
    return spec.mean if spec.mean is not None else spec.values[0] if spec.values else spec.max


def trainer_arguments(sweep: Sweep) -> list[str]:
    """What the command says itself, before $(overrides)."""
    return [argument for argument in sweep.spec.train.command[2:] if argument != "$(overrides)"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_sweep_whose_rules_compile(path: Path) -> None:
    sweep = example(path)
    assert sweep.name == path.stem
    assert check_constraints(sweep.spec) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_programs_of_the_repository(path: Path) -> None:
    sweep = example(path)
    assert sweep.eval is not None
    for stage in (sweep.spec.train, sweep.eval):
        assert stage.image
        assert stage.working_dir is None
        assert stage.command[0] == "python"
        assert (ROOT / stage.command[1]).is_file()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_search_center_of_an_example_can_be_trained(path: Path) -> None:
    sweep = example(path)
    values = {**sweep.spec.fixed, **{name: center(spec) for name, spec in sweep.spec.parameters.items()}}
    overrides = [f"{name}={value}" for name, value in values.items()]
    config = load_config(["run=x", *trainer_arguments(sweep), *overrides], {})
    settings = TrainerSettings.from_config(config.trainer)
    assert settings.batch_size <= settings.rollout


@pytest.mark.parametrize("path", sorted((SOURCE_CONFIGS / "sweep").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sweep_in_the_config_format_has_valid_distributions(path: Path) -> None:
    config = load_config(["run=x", f"sweep={path.stem}"], {})
    parameters = searched(OmegaConf.to_container(config.sweep.parameters))
    assert parameters
    for name, distribution in parameters.items():
        spec = ParameterSpec.model_validate(distribution)
        assert OmegaConf.select(config, name) is not None, name
        assert spec.mean is not None


@pytest.mark.parametrize("stage", ["train", "eval"])
def test_the_stages_of_the_job_are_programs_of_the_repository(stage: str) -> None:
    config: DictConfig = load_config(["run=x", "+hardware=macbook"], {})
    assert (ROOT / config[stage].command[1]).is_file()
    assert config.train.hardware == "macbook"
