"""The hyperparameters of a training, checked before anything heavy is imported."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ppo_trainer.exits import BadParameters

_NOT_LEARNED = ("total_timesteps", "checkpoint_interval")


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """``trainer.optimizer``: the gradient step."""

    name: str
    learning_rate: float
    schedule: str
    weight_decay: float
    momentum: float


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """``trainer``: PPO (arXiv 1707.06347) and its network, as in configs/trainer/ppo.yaml."""

    env: str
    total_timesteps: int
    n_envs: int
    n_steps: int
    batch_size: int
    n_epochs: int
    gamma: float
    gae_lambda: float
    clip_range: float
    clip_schedule: str
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    normalize_advantage: bool
    target_kl: float
    hidden_size: int
    num_layers: int
    activation: str
    checkpoint_interval: int
    optimizer: OptimizerSettings

    @property
    def rollout(self) -> int:
        """Environment steps between two updates."""
        return self.n_steps * self.n_envs

    def fingerprint(self) -> str:
        """Equal for trainings that may continue each other: everything but how long and how often saved."""
        kept = {key: value for key, value in asdict(self).items() if key not in _NOT_LEARNED}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]

    @classmethod
    def from_config(cls, trainer: Mapping[str, Any]) -> TrainerSettings:
        """Typed and checked settings from the composed ``trainer`` node; BadParameters names what is wrong."""
        values = _typed(cls, trainer, "trainer")
        values["optimizer"] = OptimizerSettings(**_typed(OptimizerSettings, trainer["optimizer"], "trainer.optimizer"))
        settings = cls(**values)
        _check(settings)
        return settings


def _typed(cls: type, node: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The scalar fields of dataclass ``cls`` from ``node``, converted to their types."""
    values: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in node:
            raise BadParameters(f"{prefix}.{field.name}: is missing; configs/trainer/ppo.yaml has it")
        value = node[field.name]
        if field.type in ("int", "float"):
            values[field.name] = _number(f"{prefix}.{field.name}", value, integral=field.type == "int")
        elif field.type in ("str", "bool"):
            if not isinstance(value, str if field.type == "str" else bool):
                raise BadParameters(
                    f"{prefix}.{field.name}: {value!r} is not {'text' if field.type == 'str' else 'true or false'}"
                )
            values[field.name] = value
    return values


def _number(path: str, value: Any, *, integral: bool) -> int | float:
    """``value`` as a finite float, or as an integer."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadParameters(f"{path}: {value!r} is not a number")
    if not math.isfinite(value):
        raise BadParameters(f"{path}: {value!r} is not finite")
    if not integral:
        return float(value)
    if path == "trainer.total_timesteps":  # log_normal gives fractions
        return round(value)
    if value != int(value):
        raise BadParameters(f"{path}: {value!r} is not an integer; search it with an integer distribution")
    return int(value)


def _check(settings: TrainerSettings) -> None:
    """Raise BadParameters for the first value that PPO cannot work with."""
    optimizer = settings.optimizer
    above_zero = ("total_timesteps", "n_envs", "n_steps", "n_epochs", "clip_range", "max_grad_norm", "hidden_size")
    for name in (*above_zero, "num_layers", "checkpoint_interval"):
        _require(f"trainer.{name}", getattr(settings, name), getattr(settings, name) > 0, "above 0")
    for name in ("gamma", "gae_lambda"):
        _require(f"trainer.{name}", getattr(settings, name), 0 <= getattr(settings, name) <= 1, "between 0 and 1")
    for name in ("ent_coef", "vf_coef", "target_kl"):
        _require(f"trainer.{name}", getattr(settings, name), getattr(settings, name) >= 0, "0 or above")
    _require("trainer.n_envs", settings.n_envs, settings.n_envs <= 1024, "at most 1024")
    _require("trainer.batch_size", settings.batch_size, settings.batch_size >= 2, "2 or above")
    _require("trainer.optimizer.learning_rate", optimizer.learning_rate, optimizer.learning_rate > 0, "above 0")
    _require("trainer.optimizer.weight_decay", optimizer.weight_decay, optimizer.weight_decay >= 0, "0 or above")
    _require("trainer.optimizer.momentum", optimizer.momentum, 0 <= optimizer.momentum < 1, "at least 0 and below 1")
    _choice("trainer.activation", settings.activation, ("tanh", "relu"))
    _choice("trainer.clip_schedule", settings.clip_schedule, ("constant", "linear"))
    _choice("trainer.optimizer.schedule", optimizer.schedule, ("constant", "linear"))
    _choice("trainer.optimizer.name", optimizer.name, ("adam", "adamw", "sgd"))
    if settings.batch_size > settings.rollout:
        raise BadParameters(
            f"trainer.batch_size: {settings.batch_size} is more than a rollout has, n_steps * n_envs = "
            f"{settings.n_steps} * {settings.n_envs} = {settings.rollout}; lower it or raise trainer.n_steps"
        )


def _require(path: str, value: float, holds: bool, what: str) -> None:
    if not holds:
        raise BadParameters(f"{path}: {value!r} must be {what}")


def _choice(path: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadParameters(f"{path}: {value!r} is none of {', '.join(choices)}")
