"""Bad hyperparameters are refused before anything heavy is imported, naming parameter, value and remedy."""

from __future__ import annotations

import re

import pytest

from ppo_trainer.composition import load_config
from ppo_trainer.exits import BadParameters
from ppo_trainer.settings import TrainerSettings


def settings(*overrides: str) -> TrainerSettings:
    return TrainerSettings.from_config(load_config(["run=x", *overrides], {}).trainer)


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("trainer.batch_size=2048", "trainer.batch_size: 2048 is more than a rollout has, n_steps * n_envs = 128 * 8"),
        ("trainer.batch_size=1", "trainer.batch_size: 1 must be 2 or above"),
        ("trainer.batch_size=32.5", "trainer.batch_size: 32.5 is not an integer"),
        ("trainer.batch_size=many", "trainer.batch_size: 'many' is not a number"),
        ("trainer.batch_size=true", "trainer.batch_size: True is not a number"),
        ("trainer.optimizer.learning_rate=0", "trainer.optimizer.learning_rate: 0.0 must be above 0"),
        ("trainer.optimizer.learning_rate=-1e-4", "trainer.optimizer.learning_rate: -0.0001 must be above 0"),
        ("trainer.optimizer.learning_rate=nan", "trainer.optimizer.learning_rate: nan is not finite"),
        ("trainer.gamma=1.01", "trainer.gamma: 1.01 must be between 0 and 1"),
        ("trainer.gae_lambda=-0.1", "trainer.gae_lambda: -0.1 must be between 0 and 1"),
        ("trainer.total_timesteps=0.3", "trainer.total_timesteps: 0 must be above 0"),
        ("trainer.n_envs=0", "trainer.n_envs: 0 must be above 0"),
        ("trainer.n_envs=2000", "trainer.n_envs: 2000 must be at most 1024"),
        ("trainer.n_epochs=0", "trainer.n_epochs: 0 must be above 0"),
        ("trainer.clip_range=0", "trainer.clip_range: 0.0 must be above 0"),
        ("trainer.ent_coef=-1", "trainer.ent_coef: -1.0 must be 0 or above"),
        ("trainer.hidden_size=0", "trainer.hidden_size: 0 must be above 0"),
        ("trainer.activation=gelu", "trainer.activation: 'gelu' is not one of tanh, relu"),
        ("trainer.optimizer.name=lion", "trainer.optimizer.name: 'lion' is not one of adam, adamw, sgd"),
        ("trainer.optimizer.momentum=1", "trainer.optimizer.momentum: 1.0 must be at least 0 and below 1"),
        ("trainer.normalize_advantage=1", "trainer.normalize_advantage: 1 is not true or false"),
        ("trainer.env=5", "trainer.env: 5 is not text"),
    ],
)
def test_a_bad_value_is_named(override: str, reason: str) -> None:
    with pytest.raises(BadParameters, match=re.escape(reason)):
        settings(override)


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(BadParameters, match=r"trainer\.gamma: is missing"):
        settings("~trainer.gamma")


def test_numbers_take_the_type_of_the_parameter() -> None:
    given = settings("trainer.total_timesteps=20013.7", "trainer.batch_size=64.0", "trainer.gamma=1")
    assert (given.total_timesteps, given.batch_size, given.gamma) == (20014, 64, 1.0)
    assert isinstance(given.batch_size, int)
    assert isinstance(given.gamma, float)


def test_only_length_and_checkpoint_interval_can_change_between_attempts() -> None:
    plain = settings().fingerprint()
    assert settings("trainer.total_timesteps=5", "trainer.checkpoint_interval=5").fingerprint() == plain
    assert settings("trainer.gamma=0.5").fingerprint() != plain
    assert settings("trainer.optimizer.learning_rate=0.5").fingerprint() != plain
