"""MettaProtein: the optimizer for OmegaConf configurations, with W&B if a run is active.

optimizer = MettaProtein(config)          # config.sweep.protein, config.sweep.parameters
suggestion, info = optimizer.suggest()    # nested plain values
optimizer.record_observation(objective=0.87, cost=120.0)

OmegaConf is an optional dependency and is imported only when a configuration is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from protein.factory import make_optimizer
from protein.integrations.wandb_protein import WandbProtein, active_run
from protein.optimizer import Goal
from protein.settings import ProteinSettings
from protein.space import SearchSpace

_BESIDE_PARAMETERS = ("metric", "goal", "method", "name")
"""Keys that can appear among the parameters in a configuration but are not parameters."""
_GOALS = ("maximize", "minimize")


class MettaProtein(WandbProtein):
    """The optimizer of one sweep, created from a configuration.

    Args:
        cfg: an OmegaConf or plain configuration: the job configuration with a ``sweep`` key, or the sweep alone.
        wandb_run: W&B run that receives suggestions and results, and whose sweep provides the history. Default: the
            active W&B run.
        seed: random seed. Default: a seed derived from the id of the W&B run, so that programs that start at the same
            time try different points; 0 without a run.
        load_history: learn from the other runs of the sweep before the first suggestion.

    Raises:
        SpaceError: an invalid search space.
        ValueError: another invalid part of the configuration.

    Example:
        >>> optimizer = MettaProtein(cfg)  # doctest: +SKIP
        >>> suggestion, info = optimizer.suggest()  # doctest: +SKIP
    """

    def __init__(self, cfg: Any, wandb_run: Any = None, *, seed: int | None = None, load_history: bool = True) -> None:
        sweep = _sweep_of(_plain_config(cfg))
        parameters = dict(_map("parameters", sweep.get("parameters")))
        beside = {k: parameters.pop(k) for k in _BESIDE_PARAMETERS if not isinstance(parameters.get(k, {}), Mapping)}
        self.metric: str = str(sweep.get("metric") or beside.get("metric") or "score")
        goal = sweep.get("goal") or beside.get("goal") or "maximize"
        if goal not in _GOALS:
            raise ValueError(f"goal: {goal!r} must be 'maximize' or 'minimize'")
        method = str(sweep.get("method") or beside.get("method") or "bayes")
        settings = ProteinSettings.from_config(_map("protein", sweep.get("protein") or {}))
        self.goal: Goal = "maximize" if goal == "maximize" else "minimize"
        run = wandb_run if wandb_run is not None else active_run()
        optimizer = make_optimizer(
            method, SearchSpace(parameters), settings, self.goal, _seed_of(run) if seed is None else seed
        )
        super().__init__(optimizer, run, metric=self.metric, load_history=load_history)


def _seed_of(run: Any) -> int:
    if run is None:
        return 0
    return int.from_bytes(hashlib.sha256(str(run.id).encode()).digest()[:4], "big")


def _plain_config(cfg: Any) -> Mapping[str, Any]:
    """Plain Python values with interpolations resolved."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(cfg):
        cfg = OmegaConf.to_container(cfg, resolve=True)
    return _map("config", cfg)


def _sweep_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ``sweep`` section of a job configuration, or the sweep configuration itself."""
    return _map("sweep", config["sweep"]) if "sweep" in config else config


def _map(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: {value!r} must be a map")
    return value
