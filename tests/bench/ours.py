"""Protein behind the ask/tell protocol of the optimizer benchmark: `OURS=tests/bench/ours.py:OursProtein`.

OURS_SETTINGS in the environment contains settings as JSON, for a comparison with the defaults. With OURS_BUDGET=none,
the optimizer does not know the budget.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from protein import Budget, BudgetExhausted, Protein, SearchSpace, Source
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
        budget: float | None = None,
        runs: int | None = None,
        sources: Sequence[Source] = (),
    ) -> None:
        spec = {name: parameter(fields) for name, fields in space.items()}
        if cost_param is not None:
            spec[cost_param]["scale"] = "time"
        self.space = SearchSpace(spec)
        chosen = json.loads(os.environ.get("OURS_SETTINGS", "{}"))
        settings = ProteinSettings.from_config({"max_suggestion_cost": max_cost, **chosen})
        told = Budget() if os.environ.get("OURS_BUDGET") == "none" else Budget(cost=budget, runs=runs)
        self.protein = Protein(self.space, settings, goal=goal, seed=seed, budget=told, sources=sources)
        self.pending: list[dict[str, Any]] = []
        self.defaults = {name: fields["mean"] for name, fields in space.items() if "when" in fields}
        self.when = {name: fields["when"] for name, fields in space.items() if "when" in fields}

    def suggest(self, n: int) -> list[dict[str, Any]]:
        """`n` new suggestions besides the pending ones, flat; inactive parameters have their default.

        Fewer if no further run is payable.
        """
        batch = []
        with suppress(BudgetExhausted):
            batch += self.protein.suggest_many(n, pending=list(self.pending))
        new = [self.space.flatten(suggestion) for suggestion, _ in batch]
        self.pending += [dict(flat) for flat in new]
        return [{**self.defaults, **flat} for flat in new]

    def observe(self, params: Mapping[str, Any], score: float, cost: float, is_failure: bool) -> None:
        """A result of one of our suggestions, or of any other point."""
        params = {name: value for name, value in params.items() if self._active(name, params)}
        key = self.space.key(params)
        for i, waiting in enumerate(self.pending):
            if self.space.key(waiting) == key:
                del self.pending[i]
                break
        result = None if is_failure else float(score)
        self.protein.observe(params, score=result, cost=float(cost), is_failure=is_failure, strict=False)

    def _active(self, name: str, params: Mapping[str, Any]) -> bool:
        parent, categories = self.when.get(name, (name, (params[name],)))
        return params[parent] in categories


def parameter(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter of the benchmark as Protein reads it."""
    spec = dict(fields)
    if spec["distribution"] == "choice":
        spec = {"distribution": "categorical", "values": list(range(int(spec["max"]) + 1)), "mean": spec["mean"]}
    if "when" in fields:
        spec["when"] = {"parameter": fields["when"][0], "in": list(fields["when"][1])}
    return spec
