"""The fields of Sweep, and the pages and filters of sweeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from tests.wandb_stub import filters as mongo
from tests.wandb_stub.records import Refused, Sweep, timestamp
from tests.wandb_stub.request import Info, Request, connection
from tests.wandb_stub.run_fields import run_page
from tests.wandb_stub.state import node_id

FILTERS: dict[str, Callable[[Sweep], Any]] = {
    "name": lambda s: s.name,
    "displayName": lambda s: s.display_name,
    "display_name": lambda s: s.display_name,
    "description": lambda s: s.description,
    "state": lambda s: s.state,
    "createdAt": lambda s: timestamp(s.created),
    "created_at": lambda s: timestamp(s.created),
}
BLANK = Sweep(0, "", "", "", 0, 0, "")


def read(sweep: Sweep, name: str) -> Any:
    """A sweep's field by its name in filters.

    Raises:
        Refused: sweeps have no such field.
    """
    if name not in FILTERS:
        raise Refused(400, f"sweeps have no field {name} to filter by")
    return FILTERS[name](sweep)


def sweep_page(request: Request, sweeps: list[Sweep], text: str | None, after: str | None, first: int | None) -> Any:
    wanted = mongo.parse(text)
    mongo.check(wanted, BLANK, read)
    found = [sweep for sweep in sweeps if mongo.matches(sweep, wanted, read)]
    keyed = mongo.order_by(found, "-created_at", lambda s, _: s.created, lambda s: s.number)
    return connection(*mongo.page(keyed, True, after, request.page_size(first)), total=len(found))


def best_loss(s: Sweep, info: Info) -> float | None:
    metric = (yaml.safe_load(s.config) or {}).get("metric") or {}
    runs = info.context.state.runs_of(s.entity, s.project, s.name)
    found = [mongo.lookup(run.summary, str(metric.get("name"))) for run in runs]
    numbers = [float(value) for value in found if isinstance(value, (int, float))]
    if not numbers:
        return None
    return max(numbers) if metric.get("goal") == "maximize" else min(numbers)


def runs(
    s: Sweep,
    info: Info,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Any:
    found = info.context.state.runs_of(s.entity, s.project, s.name)
    return run_page(info.context, found, filters, after, first, order)


SWEEP: dict[str, Callable[..., Any]] = {
    "id": lambda s, _: node_id("Sweep", s.name, s.project, s.entity),
    "displayName": lambda s, _: s.display_name,
    "createdAt": lambda s, _: timestamp(s.created),
    "updatedAt": lambda s, _: timestamp(s.updated),
    "heartbeatAt": lambda s, _: timestamp(s.updated),
    "earlyStopJobRunning": lambda s, _: False,
    "bestLoss": best_loss,
    "controllerRunName": lambda s, _: None,
    "runCount": lambda s, info: len(info.context.state.runs_of(s.entity, s.project, s.name)),
    "runCountExpected": lambda s, _: None,
    "priorRunsFilters": lambda s, _: s.prior_runs_filters,
    "project": lambda s, info: info.context.project(s.entity, s.project),
    "runs": runs,
}
