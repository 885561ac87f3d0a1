"""What a suggestion was computed from, as it is recorded with its run."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import groupby

from sweep_operator.api.suggestion import Provenance
from sweep_operator.decide.plan import PendingRun, SuggestRequest
from sweep_operator.suggest.messages import Proposal

_PACKAGES = ("numpy", "scipy", "torch", "gpytorch")
"""Other packages whose version can change a suggestion."""


def provenances(request: SuggestRequest) -> Callable[[Proposal], Provenance | None]:
    """The provenance of each answer to ``request``; None for a random suggestion of a failed optimizer."""
    common = Provenance(
        observations=request.known,
        pending=index_ranges([r.index for r in request.pending if r.index is not None]),
        pending_runs=sorted(r.name for r in request.pending if r.index is None),
        through_index=request.index - 1,
        curve_points=_curve_points(request),
        left=request.left,
        version=optimizer_version(),
    )
    return lambda proposal: None if proposal.origin == "fallback" else common.with_(digest=proposal.digest or None)


def _curve_points(request: SuggestRequest) -> str | None:
    """``2:4,7-8`` if two points were known of each of the pending runs 4, 7 and 8. None without any curve.

    A manual run has its name in place of an index: ``2:4;3:name``.
    """
    counts: dict[int, list[PendingRun]] = {}
    for run in request.pending:
        if run.curve:
            counts.setdefault(len(run.curve), []).append(run)
    if not counts and not any(o.curve for o in request.observations):
        return None
    parts = []
    for count, runs in sorted(counts.items()):
        indices = index_ranges([r.index for r in runs if r.index is not None])
        names = sorted(r.name for r in runs if r.index is None)
        parts.append(f"{count}:{','.join([*([indices] if indices else []), *names])}")
    return ";".join(parts)


def read_curve_points(text: str) -> dict[int | str, int]:
    """The number of points by index, or by name."""
    found: dict[int | str, int] = {}
    for part in filter(None, text.split(";")):
        count, _, runs = part.partition(":")
        for run in runs.split(","):
            indices = read_ranges(run) if re.fullmatch(r"\d+(-\d+)?", run) else {run}
            found |= dict.fromkeys(indices, int(count))
    return found


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
