"""MettaProtein: the optimizer for OmegaConf configurations, with W&B if there is a run.

optimizer = MettaProtein(config)          # config.sweep.protein, config.sweep.parameters
suggestion, info = optimizer.suggest()    # nested plain values
optimizer.record_observation(objective=0.87, cost=120.0)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from protein.factory import make_optimizer
from protein.optimizer import Goal
from protein.parameter import plain
from protein.paths import flatten
from protein.settings import ProteinSettings
from protein.space import SearchSpace

_BESIDE_PARAMETERS = ("metric", "goal", "method", "name")
"""Keys that configurations put among the parameters; none of them is one."""
_GOALS = ("maximize", "minimize")


class MettaProtein:
    """One sweep's optimizer. ``wandb_run``: where suggestions and results are written; default: the active W&B run."""

    def __init__(self, cfg: Any, wandb_run: Any = None, *, seed: int = 0) -> None:
        sweep = _sweep_of(_plain_config(cfg))
        parameters = dict(_map("parameters", sweep.get("parameters")))
        beside = {k: parameters.pop(k) for k in _BESIDE_PARAMETERS if not isinstance(parameters.get(k, {}), Mapping)}
        self.metric: str = str(sweep.get("metric") or beside.get("metric") or "score")
        goal = sweep.get("goal") or beside.get("goal") or "maximize"
        if goal not in _GOALS:
            raise ValueError(f"goal: {goal!r} is neither 'maximize' nor 'minimize'")
        method = str(sweep.get("method") or beside.get("method") or "bayes")
        settings = ProteinSettings.from_config(_map("protein", sweep.get("protein") or {}))
        direction: Goal = "maximize" if goal == "maximize" else "minimize"
        self.optimizer = make_optimizer(method, SearchSpace(parameters), settings, direction, seed)
        self.goal: Goal = direction
        self._run = wandb_run if wandb_run is not None else _active_run()
        self._open: dict[str, Any] | None = None

    def suggest(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next configuration (nested) and what is predicted of it. It stays open until its result is recorded."""
        suggestion, info = self.optimizer.suggest()
        self._open = flatten(suggestion)
        details = info.to_dict()
        if self._run is not None:
            from protein.wandb_adapter import write_suggestion

            write_suggestion(self._run, suggestion, details)
        return suggestion, details

    def record_observation(self, objective: float, cost: float) -> None:
        """The result of the last suggestion. Raises RuntimeError when there is none, or it has its result already."""
        params = self._close("record_observation")
        self.optimizer.observe(params, score=objective, cost=cost)
        if self._run is not None:
            from protein.wandb_adapter import write_success

            write_success(self._run, float(plain(objective)), float(plain(cost)))

    def record_failure(self, error_message: str = "", cost: float | None = None) -> None:
        """The last suggestion failed: its region becomes less likely, its score stays unknown."""
        params = self._close("record_failure")
        self.optimizer.observe(params, cost=cost, is_failure=True)
        if self._run is not None:
            from protein.wandb_adapter import write_failure

            write_failure(self._run, error_message)

    def _close(self, what: str) -> dict[str, Any]:
        if self._open is None:
            raise RuntimeError(f"{what}: no suggestion is open; call suggest() first, and record each result once")
        params, self._open = self._open, None
        return params


def _plain_config(cfg: Any) -> Mapping[str, Any]:
    """Plain Python values with interpolations resolved."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(cfg):
        cfg = OmegaConf.to_container(cfg, resolve=True)
    return _map("config", cfg)


def _sweep_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sweep's part of a job configuration, or the sweep configuration itself."""
    return _map("sweep", config["sweep"]) if "sweep" in config else config


def _map(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: {value!r} must be a map")
    return value


def _active_run() -> Any:
    """The W&B run of this process, if the program has started one; wandb is not imported for the question."""
    module = sys.modules.get("wandb")
    return getattr(module, "run", None) if module is not None else None
