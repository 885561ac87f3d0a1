"""The size of the initial design."""

from __future__ import annotations


def design_size(parameters: int, chosen: int | None, *, center: bool) -> int:
    """Number of suggestions before the model proposes any: ``chosen``, or one more than there are parameters.

    ``center``: whether the search center comes first, which is a point of the design in any case.
    """
    count = parameters + 1 if chosen is None else chosen
    return max(count, 1) if center else count
