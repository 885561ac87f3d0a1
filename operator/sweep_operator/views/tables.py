"""The columns of ``kubectl get sweeps`` and ``kubectl get sweepruns``, from the objects' JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sweep_operator.domain.conditions import condition_of, run_reason

SWEEP_COLUMNS = ("NAME", "STATUS", "RUNS", "OK", "FAIL", "BEST", "SPENT", "AGE")
RUN_COLUMNS = ("NAME", "STATUS", "SCORE", "COST", "ORIGIN", "AGE")
STAGES = {"Training": "train", "Evaluating": "eval"}
"""Reason of the condition Succeeded -> stage that is running."""
LEFT = frozenset({"NAMESPACE", "NAME", "STATUS", "ORIGIN", "RUN", "STAGE", "NODE"})

Json = Mapping[str, Any]


def sweep_row(sweep: Json, now: datetime, *, object_names: bool = False) -> tuple[str, ...]:
    """One row of SWEEP_COLUMNS; by display name, or by the name that the object has in a cluster."""
    status = sweep.get("status") or {}
    runs, best = status.get("runs") or {}, status.get("best") or []
    spent = (status.get("cost") or {}).get("spent")
    return (
        str((not object_names and sweep["spec"].get("displayName")) or sweep["metadata"]["name"]),
        sweep_state(sweep),
        str(runs.get("created", 0)),
        str(runs.get("succeeded", 0)),
        str(runs.get("failed", 0)),
        number(best[0].get("score")) if best else "",
        number(spent),
        age(sweep["metadata"].get("creationTimestamp"), now),
    )


def run_row(run: Json, now: datetime, *, object_names: bool = False) -> tuple[str, ...]:
    """One row of RUN_COLUMNS; names as in ``sweep_row``."""
    status = run.get("status") or {}
    return (
        str((not object_names and status.get("runName")) or run["metadata"]["name"]),
        run_state(run),
        number(status.get("score")),
        number(status.get("cost")),
        str(run["spec"].get("origin") or "manual"),
        age(run["metadata"].get("creationTimestamp"), now),
    )


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


def number(value: object) -> str:
    """Four significant digits; all digits before the decimal point."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.1f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"


def age(created: object, now: datetime) -> str:
    """``45s``, ``3m``, ``2h``, ``5d``, as in kubectl."""
    if not created:
        return ""
    then = datetime.fromisoformat(str(created).replace("Z", "+00:00"))
    return duration((now - then.astimezone(UTC)).total_seconds())


def duration(seconds: float) -> str:
    """One unit, or two if the first is small: ``90s``, ``5m``, ``2h10m``, ``3d``."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if hours < 2:
        return f"{minutes}m"
    if hours < 10 and minutes % 60:
        return f"{hours}h{minutes % 60}m"
    return f"{hours}h" if hours < 48 else f"{days}d"
