"""The size of the initial design, and how much it trusts the search center."""

from __future__ import annotations

MOST_POINTS = 5
"""Largest default size of the initial design."""
PRIOR_WEIGHT = 0.5
"""Default weight of the search center."""


def design_size(parameters: int, chosen: int | None, *, center: bool) -> int:
    """Number of suggestions before the model proposes any: ``chosen``, or parameters + 1, but at most MOST_POINTS.

    ``center``: whether the search center comes first, which is a point of the design in any case.
    """
    count = min(parameters + 1, MOST_POINTS) if chosen is None else chosen
    return max(count, 1) if center else count
