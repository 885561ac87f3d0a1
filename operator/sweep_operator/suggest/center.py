"""The search center as the first suggestion: it needs no process."""

from __future__ import annotations

from sweep_operator.api.parameters import search_center
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.suggest.messages import Proposal


def center_first(sweep: Sweep, request: SuggestRequest) -> Proposal | None:
    """The search center, if every optimizer suggests it next.

    Constraints are evaluated only in a process with limits.
    """
    seeded = sweep.spec.protein.seed_with_search_center is not False
    first = request.index == 0 or sweep.spec.method == "bayes"  # the others begin with the center at index 0 only
    nothing_known = not request.known and not request.pending
    if not (seeded and first and nothing_known) or sweep.spec.constraints:
        return None
    return Proposal(index=request.index, parameters=search_center(sweep.spec.parameters), origin="center")
