"""Protein: a cost-aware optimizer for experiments whose price varies by orders of magnitude.

Names are imported when they are used: a space is built and a random point is drawn without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protein.analysis.calibration import Calibration, calibrate, calibrate_cost
    from protein.analysis.importance import parameter_importance
    from protein.analysis.pareto import pareto_front
    from protein.factory import make_optimizer
    from protein.integrations.metta import MettaProtein
    from protein.integrations.wandb_protein import HistoryUnavailable, WandbProtein
    from protein.optimizer import Observation, Optimizer, SearchSpaceInfeasible, SuggestionInfo
    from protein.outcomes import Outcome
    from protein.protein import Protein
    from protein.random_search import Random, Sobol
    from protein.searchspace.paths import flatten, unflatten
    from protein.settings import ProteinSettings
    from protein.space import Parameter, SearchSpace, SpaceError

_HOMES = {
    "Calibration": "analysis.calibration",
    "HistoryUnavailable": "integrations.wandb_protein",
    "MettaProtein": "integrations.metta",
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
    "WandbProtein": "integrations.wandb_protein",
    "calibrate": "analysis.calibration",
    "calibrate_cost": "analysis.calibration",
    "flatten": "searchspace.paths",
    "make_optimizer": "factory",
    "parameter_importance": "analysis.importance",
    "pareto_front": "analysis.pareto",
    "unflatten": "searchspace.paths",
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
