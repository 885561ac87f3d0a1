"""Writes suggestions and results to a W&B run: protein.* summary keys, and the parameters as its config."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from protein.integrations.wandb_history import COST, ERROR, FLAT_SUGGESTION, INFO, OBJECTIVE, STATE, SUGGESTION
from protein.searchspace.paths import flatten


def write_suggestion(run: Any, suggestion: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """Record the parameters of a run that starts."""
    run.config.update(dict(suggestion), allow_val_change=True)
    run.summary.update(
        {
            SUGGESTION: dict(suggestion),
            FLAT_SUGGESTION: [[k, v] for k, v in flatten(suggestion).items()],
            INFO: dict(info),
            STATE: "running",
        }
    )


def write_success(run: Any, objective: float, cost: float) -> None:
    """Record the result of a run."""
    run.summary.update(
        {
            "score": objective,
            "cost": cost,
            OBJECTIVE: objective,
            COST: cost,
            STATE: "success",
        }
    )


def write_failure(run: Any, message: str, cost: float | None) -> None:
    """Record the failure of a run. The SDK drops NaN, so a cost that is not finite is not written."""
    costs = {"cost": cost, COST: cost} if cost is not None and math.isfinite(cost) else {}
    run.summary.update({STATE: "failure", ERROR: message, **costs})
