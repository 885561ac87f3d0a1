"""What the schema's mutations change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.wandb_stub.records import Refused, Run
from tests.wandb_stub.request import Info, Request
from tests.wandb_stub.run_fields import stored_file
from tests.wandb_stub.state import node_id

BUCKET_FIELDS = {
    "groupName": "group",
    "description": "description",
    "displayName": "display_name",
    "notes": "notes",
    "commit": "commit",
    "config": "config",
    "host": "host",
    "jobProgram": "program",
    "jobType": "job_type",
    "state": "state",
    "sweep": "sweep",
    "tags": "tags",
    "summaryMetrics": "summary",
}
SWEEP_FIELDS = {
    "config": "config",
    "description": "description",
    "controller": "controller",
    "scheduler": "scheduler",
    "state": "state",
    "priorRunsFilters": "prior_runs_filters",
    "displayName": "display_name",
}


def may_write(request: Request, run: Run, during: str) -> None:
    request.state.writable(request.account, run.entity, run.project, during)


def upsert_bucket(_: Any, info: Info, input: dict[str, Any]) -> Any:
    """By ``id`` an existing run is changed; by ``name`` it is created where it is missing, and runs (again)."""
    request = info.context
    fields = {ours: input[theirs] for theirs, ours in BUCKET_FIELDS.items() if input.get(theirs) is not None}
    if input.get("id"):
        run = request.state.run_by_id(input["id"])
        name, project = run.name, request.state.writable(request.account, run.entity, run.project, "upsertBucket")
    else:
        entity = request.owner(input.get("entityName"))
        project = request.state.writable(
            request.account, entity, input.get("modelName") or "uncategorized", "upsertBucket"
        )
        name = input.get("name") or ""
        fields.setdefault("state", "running")
    username = request.account.username if request.account else ""
    run, inserted = request.state.upsert_run(project, name, username, fields)
    return {"bucket": run, "inserted": inserted}


def upsert_sweep(_: Any, info: Info, input: dict[str, Any]) -> Any:
    """Without ``id`` there is a new sweep every time: a repeated request makes a second one, as on the real server."""
    request = info.context
    fields = {ours: input[theirs] for theirs, ours in SWEEP_FIELDS.items() if input.get(theirs) is not None}
    sweep = request.state.sweep_by_id(input["id"]) if input.get("id") else None
    if sweep is None:
        entity, name = (
            request.owner(input.get("entityName")),
            input.get("projectName") or "uncategorized",
        )
    else:
        entity, name = sweep.entity, sweep.project
    project = request.state.writable(request.account, entity, name, "upsertSweep")
    return {"sweep": request.state.upsert_sweep(project, sweep, fields), "configValidationWarnings": []}


def upsert_model(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    entity = request.owner(input.get("entityName"))
    known = request.state.project(request.account, entity, input.get("name") or "")
    project = request.state.writable(request.account, entity, input.get("name") or "uncategorized", "upsertModel")
    return {"project": project, "model": project, "inserted": known is None}


def _run(request: Request, entity: str, project: str, name: str, during: str) -> Run:
    request.state.writable(request.account, entity, project, during)
    run = request.state.run(entity, project, name)
    if run is None:
        raise Refused(404, f"run {entity}/{project}/{name} not found during {during}")
    return run


def create_run_files(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    run = _run(request, input["entityName"], input["projectName"], input["runName"], "createRunFiles")
    files = [stored_file(request, run, name) for name in input["files"]]
    return {"runID": node_id("Run", run.name, run.project, run.entity), "uploadHeaders": [], "files": files}


def mark_run_files_uploaded(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    run = _run(request, input["entityName"], input["projectName"], input["runName"], "markRunFilesUploaded")
    run.files = sorted({*run.files, *input["files"]})
    request.state.keep(run)
    return {"success": True}


def delete_run(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    run = request.state.run_by_id(input["id"])
    may_write(request, run, "deleteRun")
    request.state.delete_run(run)
    return {"clientMutationId": None}


def update_run_state(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    run = request.state.run_by_id(input["id"])
    may_write(request, run, "updateRunState")
    allowed = {"pending": ("running", "failed", "crashed", "preempted"), "failed": ("pending", "running")}
    if run.sweep or run.state not in allowed.get(input["state"], ()):
        raise Refused(400, f"run {run.path} is {run.state}: its state cannot become {input['state']}")
    run.state = input["state"]
    request.state.keep(run)
    return {"success": True}


def stop_run(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    run = request.state.run_by_id(input["id"])
    may_write(request, run, "stopRun")
    run.should_stop = True
    request.state.keep(run)
    return {"clientMutationId": None, "success": True}


MUTATION: dict[str, Callable[..., Any]] = {
    "upsertBucket": upsert_bucket,
    "upsertSweep": upsert_sweep,
    "upsertModel": upsert_model,
    "createRunFiles": create_run_files,
    "markRunFilesUploaded": mark_run_files_uploaded,
    "deleteRun": delete_run,
    "updateRunState": update_run_state,
    "stopRun": stop_run,
}
