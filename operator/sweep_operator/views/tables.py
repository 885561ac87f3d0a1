"""The columns of sweeps and of runs, named as in ``kubectl get sweeps`` and ``sweepruns``, from the objects' JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sweep_operator.domain.conditions import condition_of, has_ended, run_reason
from sweep_operator.views.columns import Column, column, columns_of, parameter_columns
from sweep_operator.views.curves import progress_cells
from sweep_operator.views.figures import age, format_for, number, run_time
from sweep_operator.views.selection import seconds_of

_SWEEP_COLUMNS = ("NAME", "STATUS", "RUNS", "OK", "FAIL", "BEST", "SPENT", "AGE")
_RANKS = {
    "COST": 1, "PROGRESS": 2, "TIME": 3, "ETA": 4, "ORIGIN": 5, "BEST": 1, "RUNS": 2, "FAIL": 3, "OK": 4, "SPENT": 5,
    "AGE": 6,
}  # fmt: skip
"""Columns that give way on a narrow terminal, the highest first. Parameters give way before them."""
PARAMETERS = 10
"""Rank of the first parameter."""
STAGES = {"Training": "train", "Evaluating": "eval"}
"""Reason of the condition Succeeded -> stage that is running."""

Json = Mapping[str, Any]


def sweep_columns(sweeps: Sequence[Json], now: datetime, *, object_names: bool, namespaces: bool) -> list[Column]:
    """A row per sweep; by display name, or by the name that the object has in a cluster."""
    names = ("NAMESPACE", *_SWEEP_COLUMNS) if namespaces else _SWEEP_COLUMNS
    rows = [_sweep_row(s, now, object_names) for s in sweeps]
    if namespaces:
        rows = [(str(s["metadata"].get("namespace", "")), *row) for s, row in zip(sweeps, rows, strict=True)]
    return columns_of(names, rows, _RANKS)


def _sweep_row(sweep: Json, now: datetime, object_names: bool) -> tuple[str, ...]:
    status = sweep.get("status") or {}
    runs = status.get("runs") or {}
    spent = (status.get("cost") or {}).get("spent")
    return (
        str((not object_names and sweep["spec"].get("displayName")) or sweep["metadata"]["name"]),
        sweep_state(sweep),
        str(runs.get("created", 0)),
        str(runs.get("succeeded", 0)),
        str(runs.get("failed", 0)),
        best_score(sweep),
        number(spent),
        age(sweep["metadata"].get("creationTimestamp"), now),
    )


def best_score(sweep: Json) -> str:
    """The best score, with the digits that tell it apart from the next ones; empty without one."""
    scores = [best.get("score") for best in (sweep.get("status") or {}).get("best") or []]
    return format_for(scores)(scores[0]) if scores else ""


def run_columns(
    sweep: Json, runs: Sequence[Json], now: datetime, *, object_names: bool, parameters: bool
) -> list[Column]:
    """A row per run, names as in ``sweep_columns``. ``parameters``: they are the last columns."""
    statuses: list[Json] = [run.get("status") or {} for run in runs]
    score, cost = (format_for(s.get(value) for s in statuses) for value in ("score", "cost"))
    cells: dict[str, list[str]] = {
        "NAME": [run_name(run, object_names) for run in runs],
        "STATUS": [run_state(run) for run in runs],
        "SCORE": [score(s.get("score")) for s in statuses],
        "COST": [cost(s.get("cost")) for s in statuses],
    }
    return completed(cells, sweep, runs, now, parameters=parameters)


def completed(
    cells: Mapping[str, list[str]], sweep: Json, runs: Sequence[Json], now: datetime, *, parameters: bool
) -> list[Column]:
    """The columns of ``cells``, and those that every table of runs ends with: origin, objectives, times, parameters."""
    statuses: list[Json] = [run.get("status") or {} for run in runs]
    cells = {
        **cells,
        "ORIGIN": [str(run["spec"].get("origin") or "manual") for run in runs],
        **_objective_cells(sweep, statuses),
        "TIME": [run_time(has_ended(r), seconds_of(r), r["metadata"].get("creationTimestamp"), now) for r in runs],
        **progress_cells(runs, now),
    }
    columns = [column(name, texts, rank=_RANKS.get(name, 0)) for name, texts in cells.items()]
    if not parameters:
        return columns
    values = [s.get("parameters") or r["spec"].get("parameters") or {} for r, s in zip(runs, statuses, strict=True)]
    return columns + parameter_columns(list(sweep["spec"].get("parameters") or {}), values, PARAMETERS)


def _objective_cells(sweep: Json, statuses: Sequence[Json]) -> dict[str, list[str]]:
    """The metrics of spec.objectives after the first, by the name of their column."""
    cells = {}
    for objective in (sweep["spec"].get("objectives") or [])[1:]:
        values = [(status.get("metrics") or {}).get(objective["metric"]) for status in statuses]
        cells[objective["metric"]] = list(map(format_for(values), values))
    return cells


def run_name(run: Json, object_names: bool) -> str:
    """The name that the run has on this machine, or the name of the object in a cluster."""
    return str((not object_names and (run.get("status") or {}).get("runName")) or run["metadata"]["name"])


def sweep_state(sweep: Json) -> str:
    """The reason of Succeeded; without one, derived from Accepted. Interrupted: no process of this machine runs it."""
    if _interrupted(sweep):
        return "Interrupted"
    found = condition_of(sweep, "Succeeded")
    if found:
        return str(found.get("reason"))
    accepted = condition_of(sweep, "Accepted")
    return "Invalid" if accepted.get("status") == "False" else "Pending"


def run_state(run: Json) -> str:
    """The reason of Succeeded, for a failed run that of the failure. Interrupted as for a sweep."""
    if _interrupted(run):
        return "Interrupted"
    found = condition_of(run, "Succeeded")
    failure = (run.get("status") or {}).get("failure") or {}
    if found.get("status") == "False" and failure.get("reason"):
        return str(failure["reason"])
    return run_reason(run)


def _interrupted(obj: Json) -> bool:
    return condition_of(obj, "Interrupted").get("status") == "True"


def spent(amount: float, limit: float | None, unit: str, wasted: float | None) -> str:
    """``65 of 100 seconds (5 wasted)``."""
    text = f"{number(amount)}{f' of {number(limit)}' if limit else ''} {unit}"
    return f"{text} ({number(wasted)} wasted)" if wasted else text


def early_stopping_line(sweep: Json) -> str:
    """``12 runs stopped, which saved about 340 seconds; 2 runs continued for comparison, 0 of them Pareto-optimal``."""
    status = sweep.get("status") or {}
    found = status.get("earlyStopping") or {}
    stopped, shadowed = found.get("stopped") or 0, found.get("shadowed") or 0
    if not stopped and not shadowed:
        return ""
    text = "1 run stopped" if stopped == 1 else f"{stopped} runs stopped"
    if saved := found.get("savedCost"):
        text += f", which saved about {number(saved)} {(status.get('cost') or {}).get('unit') or ''}".rstrip()
    if shadowed:
        runs = "1 run" if shadowed == 1 else f"{shadowed} runs"
        text += f"; {runs} continued for comparison, {found.get('wrong') or 0} of them Pareto-optimal"
    return text


def calibration_line(sweep: Json) -> str:
    """Calibration of the predictions: ``80% interval covers 78% of scores, 83% of costs (40 runs)``; else empty."""
    optimizer = (sweep.get("status") or {}).get("optimizer") or {}
    known = [(f"{name}s", optimizer.get(f"{name}Calibration")) for name in ("score", "cost")]
    found = [(what, c["coverage80"], c["runs"]) for what, c in known if c]
    if not found:
        return ""
    counts = list(dict.fromkeys(runs for _, _, runs in found))
    shares = ", ".join(f"{share:.0%} of {what}" for what, share, _ in found)
    return f"80% interval covers {shares} ({' and '.join(map(str, counts))} run{'s' if counts != [1] else ''})"


def warm_start_line(sweep: Json) -> str:
    """Weights of the sources of warmStart: ``Sweep cartpole-v1 83%, results of this sweep alone 17%``; else empty."""
    found = ((sweep.get("status") or {}).get("optimizer") or {}).get("sources") or []
    if not found:
        return ""
    own = max(1.0 - sum(source["weight"] for source in found), 0.0)
    shares = [f"{source['source']} {source['weight']:.0%}" for source in found]
    return ", ".join([*shares, f"results of this sweep alone {own:.0%}"])
