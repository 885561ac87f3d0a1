"""What a suggestion was computed from, as it is recorded with its run."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby

from sweep_operator.api.sweeprun import Provenance
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.suggest.messages import Proposal

_PACKAGES = ("numpy", "scipy", "torch", "gpytorch")
"""Other packages whose version can change a suggestion."""


def provenance(request: SuggestRequest, proposal: Proposal) -> Provenance | None:
    """The provenance of one answer to ``request``; None for a random suggestion of a failed optimizer."""
    if proposal.origin == "fallback":
        return None
    return Provenance(
        observations=request.known,
        pending=index_ranges([r.index for r in request.pending if r.index is not None]),
        pending_runs=sorted(r.name for r in request.pending if r.index is None),
        through_index=request.index - 1,
        left=request.left,
        digest=proposal.digest or None,
        version=optimizer_version(),
    )


def index_ranges(indices: Sequence[int]) -> str:
    """``0-3,7`` for 0, 1, 2, 3, 7."""
    runs = [list(run) for _, run in groupby(enumerate(sorted(indices)), key=lambda pair: pair[1] - pair[0])]
    return ",".join(str(r[0][1]) if len(r) == 1 else f"{r[0][1]}-{r[-1][1]}" for r in runs)


def read_ranges(text: str) -> set[int]:
    """The indices of ``0-3,7``."""
    ends = [part.partition("-") for part in text.split(",") if part]
    return {i for first, _, last in ends for i in range(int(first), int(last or first) + 1)}


@functools.lru_cache(maxsize=1)
def optimizer_version() -> str:
    """``0.1.0 numpy-2.3.4 ...``: on one machine, the same version computes the same suggestion."""
    return " ".join([version("sweep-operator"), *(f"{name}-{version(name)}" for name in _PACKAGES)])
