"""The orders of runs: one for decisions, one for display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # readers of plain objects do not wait for the models to load
    from sweep_operator.api.sweeprun import SweepRun


def start_order(run: SweepRun) -> tuple[int, str]:
    """Manual runs first, because a user asked for them by name; then by index."""
    return -1 if run.spec.index is None else run.spec.index, run.name


def display_order(run: Mapping[str, Any]) -> tuple[bool, int, str]:
    """By index; manual runs last, by age. ``run``: the object as JSON."""
    index, meta = run["spec"].get("index"), run["metadata"]
    return index is None, index or 0, f"{meta.get('creationTimestamp', '')} {meta['name']}"
