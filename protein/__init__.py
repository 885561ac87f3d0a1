"""Protein: a cost-aware optimizer for experiments whose price varies by orders of magnitude.

Names are imported when they are used: a space is built and a random point is drawn without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protein.calibration import Calibration, calibrate, calibrate_cost
    from protein.factory import make_optimizer
    from protein.importance import parameter_importance
    from protein.metta import MettaProtein
    from protein.optimizer import Observation, Optimizer, SearchSpaceInfeasible, SuggestionInfo
    from protein.outcomes import Outcome
    from protein.pareto import pareto_front
    from protein.paths import flatten, unflatten
    from protein.protein import Protein
    from protein.random_search import Random, Sobol
    from protein.settings import ProteinSettings
    from protein.space import Parameter, SearchSpace, SpaceError
    from protein.wandb_protein import HistoryUnavailable, WandbProtein

_HOMES = {
    "Calibration": "calibration",
    "HistoryUnavailable": "wandb_protein",
    "MettaProtein": "metta",
    "Observation": "optimizer",
    "Optimizer": "optimizer",
    "Outcome": "outcomes",
    "Parameter": "space",
    "Protein": "protein",
    "ProteinSettings": "settings",
    "Random": "random_search",
    "SearchSpace": "space",
    "SearchSpaceInfeasible": "optimizer",
    "Sobol": "random_search",
    "SpaceError": "space",
    "SuggestionInfo": "optimizer",
    "WandbProtein": "wandb_protein",
    "calibrate": "calibration",
    "calibrate_cost": "calibration",
    "flatten": "paths",
    "make_optimizer": "factory",
    "parameter_importance": "importance",
    "pareto_front": "pareto",
    "unflatten": "paths",
}

__all__ = [
    "Calibration",
    "HistoryUnavailable",
    "MettaProtein",
    "Observation",
    "Optimizer",
    "Outcome",
    "Parameter",
    "Protein",
    "ProteinSettings",
    "Random",
    "SearchSpace",
    "SearchSpaceInfeasible",
    "Sobol",
    "SpaceError",
    "SuggestionInfo",
    "WandbProtein",
    "calibrate",
    "calibrate_cost",
    "flatten",
    "make_optimizer",
    "parameter_importance",
    "pareto_front",
    "unflatten",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'protein' has no attribute {name!r}")
    return getattr(import_module(f"protein.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
