"""What is written to a W&B run: the protein.* summary keys, and the parameters as its config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protein.integrations.wandb_history import COST, ERROR, FLAT_SUGGESTION, INFO, OBJECTIVE, STATE, SUGGESTION
from protein.searchspace.paths import flatten


def write_suggestion(run: Any, suggestion: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """A run begins with these parameters."""
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
    """A run has its result."""
    run.summary.update(
        {
            "score": objective,
            "cost": cost,
            OBJECTIVE: objective,
            COST: cost,
            STATE: "success",
        }
    )


def write_failure(run: Any, message: str) -> None:
    """A run has failed."""
    run.summary.update({STATE: "failure", ERROR: message})
