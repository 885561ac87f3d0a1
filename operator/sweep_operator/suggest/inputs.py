"""The identity of what a suggestion is computed from. Observations and pending runs have no order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from sweep_operator.api.model import Scalar
from sweep_operator.api.suggestion import BudgetLeft
from sweep_operator.suggest.messages import Question

_MODULUS = 2**128


@dataclass(frozen=True)
class Inputs:
    """Sums of hashes, so that one more pending run costs the same however many there are."""

    basis: int
    observations: int
    pending: int = 0
    limits: str = ""

    @classmethod
    def of(cls, question: Question) -> Self:
        """Without the pending runs. The observations of the warm start must be among the observations."""
        assert question.earlier is None
        body = question.to_json()
        rows = [*body.pop("observations"), *(body.pop("running", None) or ())]
        for field in ("pending", "index", "count", "light", "left", "min_gain", "forecasts", "explain"):
            body.pop(field, None)
        return cls(_hash(body), _sum(rows))

    def with_pending(self, runs: Iterable[Mapping[str, Scalar]]) -> Self:
        """With more pending runs."""
        return replace(self, pending=(self.pending + _sum(runs)) % _MODULUS)

    def with_left(self, left: BudgetLeft | None) -> Self:
        """With what is left of the sweep's limits."""
        return replace(self, limits="" if left is None else f" {_hash(left.to_json()):x}")

    def digest(self, index: int) -> str:
        """The digest of the suggestion for ``index``."""
        text = f"{self.basis:x} {self.observations:x} {self.pending:x} {index}{self.limits}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _sum(documents: Iterable[Any]) -> int:
    return sum(map(_hash, documents)) % _MODULUS


def _hash(document: Any) -> int:
    text = json.dumps(_plain(document), sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])


def _plain(value: Any) -> Any:
    """The same for a number as the API server may have rewritten it: 1.0 as 1.

    Only the plain types of JSON occur. To compare types is faster, which counts for thousands of documents.
    """
    kind = type(value)
    if kind is dict:
        return {name: _plain(part) for name, part in value.items()}
    if kind is list or kind is tuple:
        return [_plain(part) for part in value]
    return float(value) if kind is int else value
