"""The fields of Run, and the pages, filters and orders of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.wandb_stub import filters as mongo
from tests.wandb_stub.records import Account, Refused, Run, timestamp
from tests.wandb_stub.request import Info, Request, connection, user
from tests.wandb_stub.state import node_id

FILTERS: dict[str, Callable[[Run], Any]] = {
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
TIMES: dict[str, Callable[[Run], float]] = {
    "createdAt": lambda r: r.created,
    "created_at": lambda r: r.created,
    "heartbeatAt": lambda r: r.heartbeat,
    "heartbeat_at": lambda r: r.heartbeat,
}
BLANK = Run(0, "", "", "", 0, 0, "")


def read(run: Run, name: str) -> Any:
    """A run's field by its name in filters.

    Raises:
        Refused: runs have no such field.
    """
    if name in FILTERS:
        return FILTERS[name](run)
    head, _, path = name.partition(".")
    if path and head in ("summary_metrics", "summaryMetrics"):
        return mongo.lookup(run.summary, path)
    if path and head == "config":
        found = mongo.lookup(run.values, path)
        return mongo.lookup(run.config, path) if found is mongo.MISSING else found
    raise Refused(400, f"runs have no field {name} to filter or order by")


def read_order(run: Run, name: str) -> Any:
    """The same for orders: times are finer than the seconds that filters see."""
    return TIMES[name](run) if name in TIMES else read(run, name)


def matching(runs: list[Run], text: str | None) -> list[Run]:
    wanted = mongo.parse(text)
    mongo.check(wanted, BLANK, read)
    return [run for run in runs if mongo.matches(run, wanted, read)]


def run_page(
    request: Request, runs: list[Run], text: str | None, after: str | None, first: int | None, order: str | None
) -> dict[str, Any]:
    runs, order = matching(runs, text), order or "-created_at"
    read(BLANK, order.lstrip("+-"))
    keyed = mongo.order_by(runs, order, read_order, lambda r: r.number)
    return connection(*mongo.page(keyed, order.startswith("-"), after, request.page_size(first)), total=len(runs))


def tail(lines: list[str]) -> str:
    """The last row, as a JSON list of JSON strings: a list of objects breaks ``wandb.init``."""
    return json.dumps(lines[-1:])


def history_keys(r: Run) -> dict[str, Any]:
    rows = r.rows
    counts = dict[str, int]()
    for row in rows:
        for key in row:
            counts[key] = counts.get(key, 0) + 1
    keys = {key: {"typeCounts": [{"type": "number", "count": count}]} for key, count in counts.items()}
    return {"keys": keys, "lastStep": rows[-1].get("_step", -1) if rows else -1, "sets": []}


def sampled_history(r: Run, _: Info, specs: list[str]) -> list[list[dict[str, Any]]]:
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


def history(r: Run, _: Info, minStep: Any = None, maxStep: Any = None, samples: int | None = None) -> list[str]:
    low, high = int(minStep or 0), float("inf") if maxStep is None else int(maxStep)
    rows = [line for n, line in enumerate(r.history) if low <= json.loads(line).get("_step", n) < high]
    return rows if samples is None else rows[:samples]


def wandb_config(r: Run, _: Info, keys: list[str] | None = None) -> str:
    internal = r.config.get("_wandb", {})
    internal = internal.get("value", internal) if isinstance(internal, dict) else {}
    return json.dumps({key: value for key, value in internal.items() if keys is None or key in keys})


def stored_file(request: Request, r: Run, name: str) -> dict[str, Any]:
    """A file of the run, there or still to be uploaded."""
    path = f"{r.path}/{name}"
    url = f"{request.base_url}/stored/{path}"
    return {
        "id": node_id("File", path),
        "name": name,
        "url": url,
        "directUrl": url,
        "uploadUrl": url,
        "sizeBytes": len(request.state.file(path) or b""),
        "mimetype": "application/octet-stream",
        "md5": None,
        "updatedAt": timestamp(r.heartbeat),
    }


def files(
    r: Run,
    info: Info,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
    upload: bool = False,
    pattern: str | None = None,
) -> Any:
    request = info.context
    if pattern:
        raise Refused(400, "files: patterns are not supported here")
    stored = request.state.files_below(f"{r.path}/")
    found = sorted(names) if upload and names else [name for name in stored if not names or name in names]
    keyed = mongo.order_by(found, "+name", lambda name, _: name, lambda _: 0)
    entries, more = mongo.page(keyed, False, after, request.page_size(first))
    return connection([(cursor, stored_file(request, r, name)) for cursor, name in entries], more)


RUN: dict[str, Callable[..., Any]] = {
    "id": lambda r, _: node_id("Run", r.name, r.project, r.entity),
    "projectId": lambda r, info: str(info.context.project(r.entity, r.project).number),
    "project": lambda r, info: info.context.project(r.entity, r.project),
    "displayName": lambda r, _: r.display_name,
    "jobType": lambda r, _: r.job_type,
    "sweepName": lambda r, _: r.sweep,
    "config": lambda r, _: json.dumps(r.config),
    "wandbConfig": wandb_config,
    "summaryMetrics": lambda r, _: json.dumps(r.summary),
    "systemMetrics": lambda r, _: r.events[-1] if r.events else "{}",
    "readOnly": lambda r, info: info.context.read_only(r.entity, r.project),
    "createdAt": lambda r, _: timestamp(r.created),
    "heartbeatAt": lambda r, _: timestamp(r.heartbeat),
    "user": lambda r, _: user(Account(key="", username=r.username, entities={})),
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
    "history": history,
    "events": lambda r, _, samples=None: r.events,
    "sampledHistory": sampled_history,
    "parquetHistory": lambda r, _, liveKeys: {"liveData": r.rows, "parquetUrls": []},
    "fileCount": lambda r, info: len(info.context.state.files_below(f"{r.path}/")),
    "files": files,
}
