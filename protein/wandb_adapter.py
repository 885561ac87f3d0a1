"""What is written to a W&B run: the protein.* summary keys, and the parameters as its config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protein.paths import flatten


def write_suggestion(run: Any, suggestion: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """A run begins with these parameters."""
    run.config.update(dict(suggestion), allow_val_change=True)
    run.summary.update(
        {
            "protein.suggestion": dict(suggestion),
            "protein.suggestion_flattened_items": [[k, v] for k, v in flatten(suggestion).items()],
            "protein.suggestion_info": dict(info),
            "protein.state": "running",
        }
    )


def write_success(run: Any, objective: float, cost: float) -> None:
    """A run has its result."""
    run.summary.update(
        {
            "score": objective,
            "cost": cost,
            "protein.objective": objective,
            "protein.cost": cost,
            "protein.state": "success",
        }
    )


def write_failure(run: Any, message: str) -> None:
    """A run has failed."""
    run.summary.update({"protein.state": "failure", "protein.error": message})
