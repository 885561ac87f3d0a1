"""Errors of a pass, by what resolves them."""

from __future__ import annotations

from collections.abc import Mapping

from sweep_operator.engine.ports import NotLeading
from sweep_operator.kube.protocol import Conflict, Gone, NotFound, TooManyRequests, Unavailable, UnknownOutcome

OUTAGES = (NotLeading, Unavailable, TooManyRequests, UnknownOutcome)
"""They stop the pass: requests about other runs would fail, too."""
STALE = (Conflict, NotFound, UnknownOutcome)
"""The pass was based on old versions of objects, which have to be read again."""
TRANSIENT = (*OUTAGES, *STALE, Gone)
"""A retry resolves them. Any other error is reported on the Sweep."""


class RunErrors(Exception):
    """The pass was completed except for these runs."""

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        super().__init__("; ".join(f"{run}: {error}" for run, error in errors.items()))
        self.errors = tuple(errors.values())
