"""What the optimizer learns from a failed run, by the failure class that the operator records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Learned = Literal["infeasible", "cost lower bound", "last report"]
LEARNED: Mapping[str, Learned] = {
    "parameters": "infeasible",
    "crash": "infeasible",
    "timeout": "cost lower bound",
    "pruned": "last report",
}
"""Nothing is learned from runs of other classes, because their parameters did not cause the failure."""
