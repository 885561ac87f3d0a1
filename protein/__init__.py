"""Protein: a cost-aware optimizer for experiments whose price varies by orders of magnitude.

Names are imported when they are used: a space is built and a random point is drawn without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protein.analysis.calibration import Calibration as Calibration
    from protein.analysis.calibration import calibrate as calibrate
    from protein.analysis.calibration import calibrate_cost as calibrate_cost
    from protein.analysis.importance import parameter_importance as parameter_importance
    from protein.analysis.pareto import pareto_front as pareto_front
    from protein.base import Optimizer as Optimizer
    from protein.budget import Budget as Budget
    from protein.budget import BudgetExhausted as BudgetExhausted
    from protein.budget import NotWorthIt as NotWorthIt
    from protein.curves import CurvePoint as CurvePoint
    from protein.curves import Forecast as Forecast
    from protein.explain.answers import Contour as Contour
    from protein.explain.answers import Outlook as Outlook
    from protein.explain.answers import Slices as Slices
    from protein.factory import make_optimizer as make_optimizer
    from protein.integrations.metta import MettaProtein as MettaProtein
    from protein.integrations.wandb_protein import HistoryUnavailable as HistoryUnavailable
    from protein.integrations.wandb_protein import WandbProtein as WandbProtein
    from protein.optimizer import Observation as Observation
    from protein.optimizer import SearchSpaceInfeasible as SearchSpaceInfeasible
    from protein.optimizer import SuggestionInfo as SuggestionInfo
    from protein.outcomes import Outcome as Outcome
    from protein.prospect import Prospect as Prospect
    from protein.protein import Protein as Protein
    from protein.random_search import Random as Random
    from protein.random_search import Sobol as Sobol
    from protein.searchspace.paths import flatten as flatten
    from protein.searchspace.paths import unflatten as unflatten
    from protein.settings import ProteinSettings as ProteinSettings
    from protein.sources import Source as Source
    from protein.space import Parameter as Parameter
    from protein.space import SearchSpace as SearchSpace
    from protein.space import SpaceError as SpaceError

_HOMES = {
    "Budget": "budget",
    "BudgetExhausted": "budget",
    "Calibration": "analysis.calibration",
    "Contour": "explain.answers",
    "CurvePoint": "curves",
    "Forecast": "curves",
    "HistoryUnavailable": "integrations.wandb_protein",
    "MettaProtein": "integrations.metta",
    "NotWorthIt": "budget",
    "Observation": "optimizer",
    "Optimizer": "base",
    "Outcome": "outcomes",
    "Outlook": "explain.answers",
    "Parameter": "space",
    "Protein": "protein",
    "Prospect": "prospect",
    "ProteinSettings": "settings",
    "Random": "random_search",
    "SearchSpace": "space",
    "SearchSpaceInfeasible": "optimizer",
    "Slices": "explain.answers",
    "Sobol": "random_search",
    "Source": "sources",
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

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'protein' has no attribute {name!r}")
    return getattr(import_module(f"protein.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
