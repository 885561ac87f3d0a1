"""Resource usage and cost of active runs: pure functions of JSON objects and the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sweep_operator.api.names import MAIN_CONTAINER, RUN_LABEL, STAGE_LABEL
from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.domain.quantities import quantity
from sweep_operator.domain.times import parse_time
from sweep_operator.views.tables import STAGES, run_state

Json = Mapping[str, Any]
_COMMON = ("cpu", "memory", "ephemeral-storage", "hugepages-")


@dataclass(frozen=True)
class Usage:
    """One active run. ``None``: unknown; ``cpu`` in cores, ``memory`` in bytes."""

    run: str
    stage: str
    attempt: int
    seconds: float
    cost: float | None
    predicted: float | None
    devices: float | None
    node: str
    cpu: float | None
    memory: float | None


def usage_of(
    run: Json, sweep: Json, pods: Sequence[Json] | None, metrics: Sequence[Json] | None, now: datetime
) -> Usage:
    """``pods`` and ``metrics``: of the sweep or of the whole namespace; None if they cannot be read."""
    status, name = run.get("status") or {}, run["metadata"]["name"]
    state = run_state(run)
    stage = "eval" if (status.get("eval") or {}).get("attempt") else "train"
    live = None if pods is None else [p for p in pods if _is_live(p, name, stage)]
    named = {p["metadata"]["name"] for p in live or ()}
    used = None if metrics is None or live is None else [m for m in metrics if m["metadata"]["name"] in named]
    devices = None if live is None else sum(map(_devices, live))
    seconds = sum(
        _seconds(status.get(s) or {}, running=s == stage and state in STAGES, now=now) for s in _included(sweep)
    )
    return Usage(
        run=name,
        stage=STAGES.get(state, state),
        attempt=(status.get(stage) or {}).get("attempt", 0),
        seconds=seconds,
        cost=_cost(sweep, seconds, devices),
        predicted=(run["spec"].get("prediction") or {}).get("cost"),
        devices=devices,
        node=",".join(sorted({str(p["spec"]["nodeName"]) for p in live or () if p["spec"].get("nodeName")})),
        cpu=_sum(used, "cpu"),
        memory=_sum(used, "memory"),
    )


def bytes_text(value: float | None) -> str:
    """``1.5Gi``, ``210Mi``; empty for None."""
    if value is None:
        return ""
    return f"{value / 2**30:.1f}Gi" if value >= 2**30 else f"{value / 2**20:.0f}Mi"


def cores_text(value: float | None) -> str:
    """``850m``, ``3.5``; empty for None."""
    if value is None:
        return ""
    return f"{value * 1000:.0f}m" if value < 1 else f"{value:.1f}"


def _cost(sweep: Json, seconds: float, devices: float | None) -> float | None:
    """None if it depends on prices, which only the operator's configuration contains."""
    match (sweep["spec"].get("cost") or {}).get("source", "WallClock"):
        case "WallClock":
            return seconds
        case "GPUSeconds" if devices is not None:
            return seconds * devices
    return None


def _included(sweep: Json) -> Iterable[str]:
    return (sweep["spec"].get("cost") or {}).get("include") or ("train", "eval")


def _seconds(stage: Json, *, running: bool, now: datetime) -> float:
    """Seconds of all attempts, including the running one up to ``now`` (its own entry lags behind or is missing)."""
    began = parse_time(stage.get("startTime"))
    if not running or began is None:
        return float(stage.get("seconds") or 0)
    others = [a for a in stage.get("attempts") or () if a.get("n") != stage.get("attempt")]
    return sum(float(a.get("seconds") or 0) for a in others) + max(0.0, (now - began).total_seconds())


def _is_live(pod: Json, run: str, stage: str) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return labels.get(RUN_LABEL) == run and labels.get(STAGE_LABEL) == stage and not pod_has_ended(pod)


def _devices(pod: Json) -> float:
    """GPUs and other devices: the limits of the main container for extended resources."""
    main: Json = next((c for c in pod["spec"].get("containers") or () if c.get("name") == MAIN_CONTAINER), {})
    limits = (main.get("resources") or {}).get("limits") or {}
    return sum(quantity(amount) for name, amount in limits.items() if not name.startswith(_COMMON))


def _sum(metrics: Sequence[Json] | None, what: str) -> float | None:
    """Sum over pods and containers; None if the metrics API has no pod of the run."""
    if not metrics:
        return None
    return sum(quantity((c.get("usage") or {}).get(what, 0)) for m in metrics for c in m.get("containers") or ())
