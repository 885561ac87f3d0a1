"""Which runs a table shows, and in which order, from the objects' JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from protein.analysis.pareto import goal_sign
from sweep_operator.domain.conditions import condition_of, has_ended, is_pruned

Sort = Literal["index", "score", "cost", "time", "age"]
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True)
class Selection:
    """The runs that a user asks for."""

    limit: int | None = None
    sort: Sort = "index"
    failed: bool = False


ALL = Selection()


def failed_runs(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs that ended without a score. Early stopping is not a failure."""
    return [r for r in runs if condition_of(r, "Succeeded").get("status") == "False" and not is_pruned(r)]


def selected(sweep: dict[str, Any], runs: Sequence[dict[str, Any]], selection: Selection) -> list[dict[str, Any]]:
    """The runs, in the order of the table. ``runs``: by index, manual runs last."""
    found = failed_runs(runs) if selection.failed else list(runs)
    if selection.sort == "index":
        if selection.limit is None:
            return found
        best = ((sweep.get("status") or {}).get("best") or [{}])[0].get("run")
        states = [(r["metadata"]["name"], has_ended(r)) for r in found]
        return [found[i] for i in latest(states, best, selection.limit)]
    if selection.sort == "age":
        found.sort(key=lambda r: str(r["metadata"].get("creationTimestamp")), reverse=True)
    else:
        found.sort(key=_order(sweep, selection.sort))
    return found[: selection.limit]


def latest(states: Sequence[tuple[str, bool]], best: str | None, room: int) -> list[int]:
    """Positions of ``room`` runs: the best, then active, then the newest. ``states``: name, and whether it ended."""
    positions = range(len(states))
    wanted = [i for i in positions if states[i][0] == best] + [i for i in positions if not states[i][1]]
    return sorted(list(dict.fromkeys([*wanted, *reversed(positions)]))[:room])


def seconds_of(run: Mapping[str, Any]) -> float:
    """How long the programs of the run ran, in all attempts of its stages."""
    status = run.get("status") or {}
    return sum(float((status.get(stage) or {}).get("seconds") or 0) for stage in ("train", "eval"))


def _order(sweep: dict[str, Any], sort: Sort) -> Callable[[dict[str, Any]], tuple[bool, float]]:
    """The best, cheapest or fastest first; runs without the value last."""
    spec = sweep["spec"]
    goal = (spec.get("objectives") or [spec])[0].get("goal")
    sign = -goal_sign(goal or "maximize") if sort == "score" else 1.0

    def key(run: dict[str, Any]) -> tuple[bool, float]:
        value = seconds_of(run) or None if sort == "time" else (run.get("status") or {}).get(sort)
        return value is None, sign * (value or 0.0)

    return key
