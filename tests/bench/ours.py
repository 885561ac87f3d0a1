"""Protein behind the ask/tell protocol of the optimizer benchmark: `OURS=tests/bench/ours.py:OursProtein`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from protein import Protein, SearchSpace
from protein.settings import ProteinSettings


class OursProtein:
    """Keeps the pending suggestions, since the benchmark only says how many new ones it wants."""

    def __init__(
        self,
        space: Mapping[str, Mapping[str, Any]],
        *,
        seed: int = 0,
        goal: str = "maximize",
        max_cost: float | None = None,
        cost_param: str | None = None,
    ) -> None:
        spec = {name: dict(fields) for name, fields in space.items()}
        # the cost dial is what the start-up design holds to 16 times its minimum
        if cost_param is not None and spec[cost_param]["distribution"] in ("log_normal", "uniform_pow2"):
            spec[cost_param]["scale"] = "time"
        self.space = SearchSpace(spec)
        self.protein = Protein(self.space, ProteinSettings(max_suggestion_cost=max_cost), goal=goal, seed=seed)
        self.pending: list[dict[str, Any]] = []

    def suggest(self, n: int) -> list[dict[str, Any]]:
        """`n` new suggestions besides the pending ones, flat."""
        batch = self.protein.suggest(n, pending=list(self.pending))
        new = [self.space.flatten(suggestion) for suggestion, _ in batch]
        self.pending += [dict(flat) for flat in new]
        return new

    def observe(self, params: Mapping[str, Any], score: float, cost: float, is_failure: bool) -> None:
        """A result of one of our suggestions, or of any other point."""
        key = self.space.key(params)
        for i, waiting in enumerate(self.pending):
            if self.space.key(waiting) == key:
                del self.pending[i]
                break
        result = None if is_failure else float(score)
        self.protein.observe(dict(params), score=result, cost=float(cost), is_failure=is_failure, strict=False)
