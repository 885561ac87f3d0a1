"""The fields of Query and Project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.wandb_stub import filters as mongo
from tests.wandb_stub import run_fields, sweep_fields
from tests.wandb_stub.records import Project, Refused, timestamp
from tests.wandb_stub.request import Info, connection, entity, user
from tests.wandb_stub.state import node_id


def viewer(_: Any, info: Info) -> Any:
    account = info.context.account
    return None if account is None else user(account)


def server_info(_: Any, info: Info) -> Any:
    return {
        "features": [{"name": name, "isEnabled": True} for name in sorted(info.context.features)],
        "cliVersionInfo": {"max_cli_version": "0.99.0", "min_cli_version": "0.13.0"},
        "latestLocalVersionInfo": None,
    }


def entity_by_name(_: Any, info: Info, name: str | None = None) -> Any:
    return entity(name) if name and name in info.context.reader().entities else None


def project(_: Any, info: Info, name: str | None = None, entityName: str | None = None) -> Any:
    """Null where it is missing or the key may not see it: these look the same."""
    request = info.context
    return request.state.project(request.reader(), request.owner(entityName), name or "uncategorized")


def models(
    _: Any, info: Info, entityName: str | None = None, after: str | None = None, first: int | None = None
) -> Any:
    request = info.context
    found = request.state.projects(request.reader(), request.owner(entityName))
    keyed = mongo.order_by(found, "+created_at", lambda p, _: p.created, lambda p: p.number)
    return connection(*mongo.page(keyed, False, after, request.page_size(first)))


def runs(
    p: Project,
    info: Info,
    filters: str | None = None,
    after: str | None = None,
    before: str | None = None,
    first: int | None = None,
    last: int | None = None,
    order: str | None = None,
) -> Any:
    if before or last:
        raise Refused(400, "runs: paging backwards is not supported here")
    found = info.context.state.listed_runs(p.entity, p.name)
    return run_fields.run_page(info.context, found, filters, after, first, order)


def run_count(p: Project, info: Info, filters: str | None = None) -> int:
    return len(run_fields.matching(info.context.state.runs_of(p.entity, p.name), filters))


def run(p: Project, info: Info, name: str, missingOk: bool = True) -> Any:
    return info.context.state.run(p.entity, p.name, name)


def sweeps(
    p: Project, info: Info, after: str | None = None, first: int | None = None, filters: str | None = None
) -> Any:
    return sweep_fields.sweep_page(info.context, info.context.state.sweeps_of(p.entity, p.name), filters, after, first)


def sweep(p: Project, info: Info, sweepName: str) -> Any:
    return info.context.state.sweep(p.entity, p.name, sweepName)


QUERY: dict[str, Callable[..., Any]] = {
    "viewer": viewer,
    "serverInfo": server_info,
    "entity": entity_by_name,
    "project": project,
    "model": project,
    "models": models,
}
PROJECT: dict[str, Callable[..., Any]] = {
    "id": lambda p, _: node_id("Project", p.name, p.entity),
    "internalId": lambda p, _: str(p.number),
    "entityName": lambda p, _: p.entity,
    "entity": lambda p, _: entity(p.entity),
    "createdAt": lambda p, _: timestamp(p.created),
    "access": lambda p, _: "PRIVATE",
    "views": lambda p, _: {},
    "isBenchmark": lambda p, _: False,
    "readOnly": lambda p, info: info.context.read_only(p.entity, p.name),
    "user": lambda p, _: None,
    "runCount": run_count,
    "runs": runs,
    "run": run,
    "bucket": run,
    "totalSweeps": lambda p, info: len(info.context.state.sweeps_of(p.entity, p.name)),
    "sweeps": sweeps,
    "sweep": sweep,
}
