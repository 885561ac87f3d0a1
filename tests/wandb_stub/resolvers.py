"""What each field of the schema answers with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from graphql import GraphQLResolveInfo

from tests.wandb_stub import filters
from tests.wandb_stub.records import Account, Project, Refused, Run, Sweep, timestamp
from tests.wandb_stub.state import State, node_id


@dataclass(frozen=True)
class Request:
    """What a resolver knows of the request."""

    state: State
    account: Account | None
    base_url: str
    features: frozenset[str]
    max_page: int


Info = GraphQLResolveInfo[Request]


def request_of(info: Info) -> Request:
    return info.context


# -- who asks ----------------------------------------------------------------------------------------------------------


def user(account: Account) -> dict[str, Any]:
    first = next(iter(account.entities), None)
    return {
        "id": node_id("User", account.username),
        "name": account.username,
        "username": account.username,
        "email": f"{account.username}@example.org",
        "admin": False,
        "flags": "{}",
        "entity": first,
        "deletedAt": None,
        "apiKeys": {"edges": []},
        "teams": {"edges": [{"node": entity(name)} for name in account.entities]},
    }


def named_user(username: str) -> dict[str, Any]:
    return user(Account(key="", username=username, entities={}))


def entity(name: str) -> dict[str, Any]:
    return {"id": node_id("Entity", name), "name": name, "organization": None, "xxhashDigestsEnabled": False}


def viewer(_: Any, info: Info) -> Any:
    account = request_of(info).account
    return None if account is None else user(account)


def server_info(_: Any, info: Info) -> Any:
    features = [{"name": name, "isEnabled": True} for name in sorted(request_of(info).features)]
    return {
        "features": features,
        "cliVersionInfo": {"max_cli_version": "0.99.0", "min_cli_version": "0.13.0"},
        "latestLocalVersionInfo": None,
    }


def entity_by_name(_: Any, info: Info, name: str | None = None) -> Any:
    account = request_of(info).account
    return entity(name) if account is not None and name in account.entities else None


# -- projects ----------------------------------------------------------------------------------------------------------


def default_entity(account: Account | None, named: str | None) -> str:
    if named:
        return named
    return "" if account is None else next(iter(account.entities), "")


def project(_: Any, info: Info, name: str | None = None, entityName: str | None = None) -> Any:
    request = request_of(info)
    if request.account is None:
        raise Refused(401, "user is not logged in")
    return request.state.project(request.account, default_entity(request.account, entityName), name or "uncategorized")


def models(_: Any, info: Info, entityName: str | None = None, after: str | None = None, first: int = 50) -> Any:
    request = request_of(info)
    if request.account is None:
        raise Refused(401, "user is not logged in")
    found = request.state.projects(request.account, default_entity(request.account, entityName))
    keyed = filters.order_by(found, "+created_at", "+created_at", lambda p, _: p.created, lambda p: p.number)
    return connection(*filters.page(keyed, False, after, min(first, request.max_page)))


def connection(entries: list[tuple[str, Any]], more: bool, total: int | None = None) -> dict[str, Any]:
    edges = [{"node": record, "cursor": cursor} for cursor, record in entries]
    end = entries[-1][0] if entries else None
    return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": more}, "totalCount": total}


PROJECT: dict[str, Callable[..., Any]] = {
    "id": lambda p, _: node_id("Project", p.name, p.entity),
    "internalId": lambda p, _: str(p.number),
    "entityName": lambda p, _: p.entity,
    "entity": lambda p, _: entity(p.entity),
    "createdAt": lambda p, _: timestamp(p.created),
    "access": lambda p, _: "PRIVATE",
    "views": lambda p, _: {},
    "isBenchmark": lambda p, _: False,
    "readOnly": lambda p, info: request_of(info).account.may(p.entity, p.name) != "write",  # type: ignore[union-attr]
    "user": lambda p, _: None,
    "totalSweeps": lambda p, info: len(request_of(info).state.sweeps_of(p.entity, p.name)),
}


# -- runs --------------------------------------------------------------------------------------------------------------

RUN_FIELDS: dict[str, Callable[[Run], Any]] = {
    "name": lambda r: r.name,
    "displayName": lambda r: r.display_name,
    "display_name": lambda r: r.display_name,
    "group": lambda r: r.group,
    "jobType": lambda r: r.job_type,
    "job_type": lambda r: r.job_type,
    "state": lambda r: r.state,
    "tags": lambda r: r.tags,
    "sweep": lambda r: r.sweep,
    "notes": lambda r: r.notes,
    "username": lambda r: r.username,
    "host": lambda r: r.host,
    "createdAt": lambda r: timestamp(r.created),
    "created_at": lambda r: timestamp(r.created),
    "heartbeatAt": lambda r: timestamp(r.heartbeat),
    "heartbeat_at": lambda r: timestamp(r.heartbeat),
    "duration": lambda r: r.heartbeat - r.created,
}


def read_run(run: Run, name: str) -> Any:
    """A run's field by the names that filters and orders use."""
    if name in RUN_FIELDS:
        return RUN_FIELDS[name](run)
    head, _, path = name.partition(".")
    if path and head in ("summary_metrics", "summaryMetrics"):
        return filters.lookup(run.summary, path)
    if path and head == "config":
        found = filters.lookup(run.values, path)
        return filters.lookup(run.config, path) if found is filters.MISSING else found
    raise Refused(400, f"runs have no field {name} to filter or order by")


BLANK_RUN = Run(0, "", "", "", 0, 0, "")


def matching_runs(runs: list[Run], text: str | None) -> list[Run]:
    wanted = filters.parse(text)
    filters.check(wanted, BLANK_RUN, read_run)
    return [run for run in runs if filters.matches(run, wanted, read_run)]


def run_page(
    request: Request, runs: list[Run], text: str | None, after: str | None, first: int | None, order: str | None
) -> dict[str, Any]:
    runs = matching_runs(runs, text)
    order = order or "-created_at"
    read_run(BLANK_RUN, order.lstrip("+-"))
    keyed = filters.order_by(runs, order, order, read_order, lambda r: r.number)
    size = min(first or 50, request.max_page)
    return connection(*filters.page(keyed, order.startswith("-"), after, size), total=len(runs))


def read_order(run: Run, name: str) -> Any:
    if name in ("created_at", "createdAt"):
        return run.created
    if name in ("heartbeat_at", "heartbeatAt"):
        return run.heartbeat
    return read_run(run, name)


def project_runs(
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
    request = request_of(info)
    return run_page(request, request.state.runs_of(p.entity, p.name), filters, after, first, order)


def run_count(p: Project, info: Info, filters: str | None = None) -> int:
    return len(matching_runs(request_of(info).state.runs_of(p.entity, p.name), filters))


def project_run(p: Project, info: Info, name: str, missingOk: bool = True) -> Any:
    return request_of(info).state.run(p.entity, p.name, name)


def tail(lines: list[str]) -> str:
    """The last row, as a JSON list of JSON strings: a list of objects breaks ``wandb.init``."""
    return json.dumps(lines[-1:])


def history_keys(r: Run) -> dict[str, Any]:
    counts = dict[str, int]()
    for row in r.rows:
        for key in row:
            counts[key] = counts.get(key, 0) + 1
    last = r.rows[-1].get("_step", -1) if r.history else -1
    keys = {key: {"typeCounts": [{"type": "number", "count": count}]} for key, count in counts.items()}
    return {"keys": keys, "lastStep": last, "sets": []}


def sampled_history(r: Run, info: Info, specs: list[str]) -> list[list[dict[str, Any]]]:
    """Rows with all the keys of a spec; no more than its samples, evenly taken."""
    answers = []
    for text in specs:
        spec = json.loads(text)
        keys = spec.get("keys") or []
        rows = [row for row in r.rows if all(key in row for key in keys)]
        rows = [{key: row[key] for key in keys} for row in rows] if keys else rows
        size = max(1, int(spec.get("samples") or 500))
        if len(rows) > size:
            rows = [rows[i * len(rows) // size] for i in range(size)]
        answers.append(rows)
    return answers


def history_rows(r: Run, info: Info, minStep: Any = 0, maxStep: Any = None, samples: int | None = None) -> list[str]:
    low, high = int(minStep or 0), None if maxStep is None else int(maxStep)
    rows = [
        line
        for n, line in enumerate(r.history)
        if low <= (step := json.loads(line).get("_step", n)) and (high is None or step < high)
    ]
    return rows if samples is None else rows[:samples]


def wandb_config(r: Run, info: Info, keys: list[str] | None = None) -> str:
    internal = r.config.get("_wandb", {})
    internal = internal.get("value", internal) if isinstance(internal, dict) else {}
    return json.dumps({key: value for key, value in internal.items() if keys is None or key in keys})


def file_record(request: Request, r: Run, name: str) -> dict[str, Any]:
    path = f"{r.path}/{name}"
    content = request.state.file(path)
    url = f"{request.base_url}/stored/{path}"
    return {
        "id": node_id("File", path),
        "name": name,
        "url": url,
        "directUrl": url,
        "uploadUrl": url,
        "sizeBytes": len(content or b""),
        "mimetype": "application/octet-stream",
        "md5": None,
        "updatedAt": timestamp(r.heartbeat),
    }


def run_files(
    r: Run,
    info: Info,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
    upload: bool = False,
    pattern: str | None = None,
) -> Any:
    request = request_of(info)
    found = request.state.files_below(f"{r.path}/")
    found = sorted(names) if upload and names else [name for name in found if not names or name in names]
    numbered = {name: n for n, name in enumerate(found)}
    keyed = filters.order_by(found, "+name", "+name", lambda name, _: name, lambda name: numbered[name])
    entries, more = filters.page(keyed, False, after, min(first or 50, request.max_page))
    return connection([(cursor, file_record(request, r, name)) for cursor, name in entries], more)


RUN: dict[str, Callable[..., Any]] = {
    "id": lambda r, _: node_id("Run", r.name, r.project, r.entity),
    "projectId": lambda r, info: str(
        request_of(info).state.project(request_of(info).account, r.entity, r.project).number
    ),  # type: ignore[union-attr]
    "project": lambda r, info: request_of(info).state.project(request_of(info).account, r.entity, r.project),
    "displayName": lambda r, _: r.display_name,
    "jobType": lambda r, _: r.job_type,
    "sweepName": lambda r, _: r.sweep,
    "config": lambda r, _: json.dumps(r.config),
    "wandbConfig": wandb_config,
    "summaryMetrics": lambda r, _: json.dumps(r.summary),
    "systemMetrics": lambda r, _: r.events[-1] if r.events else "{}",
    "readOnly": lambda r, info: request_of(info).account.may(r.entity, r.project) != "write",  # type: ignore[union-attr]
    "createdAt": lambda r, _: timestamp(r.created),
    "heartbeatAt": lambda r, _: timestamp(r.heartbeat),
    "user": lambda r, _: named_user(r.username),
    "exitcode": lambda r, _: r.exit_code,
    "shouldStop": lambda r, _: r.should_stop,
    "failed": lambda r, _: r.state == "failed",
    "stopped": lambda r, _: r.should_stop,
    "running": lambda r, _: r.state == "running",
    "historyLineCount": lambda r, _: len(r.history),
    "eventsLineCount": lambda r, _: len(r.events),
    "logLineCount": lambda r, _: len(r.log),
    "historyTail": lambda r, _: tail(r.history),
    "eventsTail": lambda r, _: tail(r.events),
    "historyKeys": lambda r, _: history_keys(r),
    "history": history_rows,
    "events": lambda r, _, samples=None: r.events,
    "sampledHistory": sampled_history,
    "parquetHistory": lambda r, _, liveKeys: {"liveData": r.rows, "parquetUrls": []},
    "fileCount": lambda r, info: len(request_of(info).state.files_below(f"{r.path}/")),
    "files": run_files,
}


# -- sweeps ------------------------------------------------------------------------------------------------------------

SWEEP_FIELDS: dict[str, Callable[[Sweep], Any]] = {
    "name": lambda s: s.name,
    "id": lambda s: s.name,
    "displayName": lambda s: s.display_name,
    "display_name": lambda s: s.display_name,
    "description": lambda s: s.description,
    "state": lambda s: s.state,
    "createdAt": lambda s: timestamp(s.created),
    "created_at": lambda s: timestamp(s.created),
}
BLANK_SWEEP = Sweep(0, "", "", "", 0, 0, "")


def read_sweep(sweep: Sweep, name: str) -> Any:
    if name not in SWEEP_FIELDS:
        raise Refused(400, f"sweeps have no field {name} to filter by")
    return SWEEP_FIELDS[name](sweep)


def project_sweeps(
    p: Project, info: Info, after: str | None = None, first: int | None = None, filters: str | None = None
) -> Any:
    request = request_of(info)
    return sweep_page(request, request.state.sweeps_of(p.entity, p.name), filters, after, first)


def sweep_page(request: Request, sweeps: list[Sweep], text: str | None, after: str | None, first: int | None) -> Any:
    wanted = filters.parse(text)
    filters.check(wanted, BLANK_SWEEP, read_sweep)
    found = [sweep for sweep in sweeps if filters.matches(sweep, wanted, read_sweep)]
    keyed = filters.order_by(found, "-created_at", "-created_at", lambda s, _: s.created, lambda s: s.number)
    return connection(*filters.page(keyed, True, after, min(first or 50, request.max_page)), total=len(found))


def project_sweep(p: Project, info: Info, sweepName: str) -> Any:
    return request_of(info).state.sweep(p.entity, p.name, sweepName)


def best_loss(s: Sweep, info: Info) -> float | None:
    metric = (yaml.safe_load(s.config) or {}).get("metric") or {}
    runs = request_of(info).state.runs_of(s.entity, s.project, s.name)
    found = [filters.lookup(run.summary, str(metric.get("name"))) for run in runs]
    numbers = [float(value) for value in found if isinstance(value, (int, float))]
    if not numbers:
        return None
    return max(numbers) if metric.get("goal") == "maximize" else min(numbers)


def sweep_runs(
    s: Sweep,
    info: Info,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> Any:
    request = request_of(info)
    return run_page(request, request.state.runs_of(s.entity, s.project, s.name), filters, after, first, order)


SWEEP: dict[str, Callable[..., Any]] = {
    "id": lambda s, _: node_id("Sweep", s.name, s.project, s.entity),
    "displayName": lambda s, _: s.display_name,
    "createdAt": lambda s, _: timestamp(s.created),
    "updatedAt": lambda s, _: timestamp(s.updated),
    "heartbeatAt": lambda s, _: timestamp(s.updated),
    "earlyStopJobRunning": lambda s, _: False,
    "bestLoss": best_loss,
    "controllerRunName": lambda s, _: None,
    "runCount": lambda s, info: len(request_of(info).state.runs_of(s.entity, s.project, s.name)),
    "runCountExpected": lambda s, _: None,
    "priorRunsFilters": lambda s, _: s.prior_runs_filters,
    "project": lambda s, info: request_of(info).state.project(request_of(info).account, s.entity, s.project),
    "runs": sweep_runs,
}

PROJECT |= {
    "runCount": run_count,
    "runs": project_runs,
    "run": project_run,
    "bucket": project_run,
    "sweeps": project_sweeps,
    "sweep": project_sweep,
}
QUERY: dict[str, Callable[..., Any]] = {
    "viewer": viewer,
    "serverInfo": server_info,
    "entity": entity_by_name,
    "project": project,
    "model": project,
    "models": models,
}
