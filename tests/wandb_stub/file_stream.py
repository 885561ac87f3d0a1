"""What a live run streams: rows of its history, its summary, its log, and that it has ended."""

from __future__ import annotations

import json
from typing import Any

from tests.wandb_stub.records import Account, Refused, Run, json_object
from tests.wandb_stub.state import State

LINES = {"wandb-history.jsonl": "history", "wandb-events.jsonl": "events", "output.log": "log"}


def receive(state: State, account: Account | None, entity: str, project: str, name: str, body: dict[str, Any]) -> bool:
    """Writes one request into its run; returns whether the run shall stop.

    A line goes to its offset, so that a request that is sent again changes nothing.

    Raises:
        Refused: the run does not exist, or the account may not write it.
    """
    state.writable(account, entity, project, "file_stream")
    run = state.run(entity, project, name)
    if run is None:
        raise Refused(404, f"run {entity}/{project}/{name} not found during file_stream")
    for file, chunk in (body.get("files") or {}).items():
        if file in LINES:
            _put(getattr(run, LINES[file]), int(chunk.get("offset") or 0), chunk.get("content") or [], file)
        elif file == "wandb-summary.json":
            # always the whole summary: what others wrote meanwhile is gone
            run.summary = json_object(chunk["content"][-1], file)
        else:
            raise Refused(400, f"file_stream does not know {file}")
    run.files = sorted({*run.files, *(body.get("uploaded") or [])})
    _beat(state, run, body)
    state.keep(run)
    return run.should_stop


def _put(lines: list[str], offset: int, content: list[str], file: str) -> None:
    if offset > len(lines):
        if file != "output.log":
            raise Refused(400, f"{file}: offset {offset}, but there are only {len(lines)} lines")
        lines += [""] * (offset - len(lines))
    if file != "output.log":
        for line in content:
            json.loads(line)
    lines[offset : offset + len(content)] = content


def _beat(state: State, run: Run, body: dict[str, Any]) -> None:
    run.heartbeat = state.clock()
    if body.get("complete"):
        run.exit_code = int(body.get("exitcode") or 0)
        run.state = "finished" if run.exit_code == 0 else "failed"
    elif body.get("preempting"):
        run.state = "preempting"
    else:
        run.state = "running"
