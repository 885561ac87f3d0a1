"""The process that reads a W&B sweep: a question on standard input, the answer on standard output.

Started as ``python -m sweep_operator.tracking.history.worker``. wandb is imported when a question arrives, so that a
missing SDK is reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from protein.integrations.wandb_history import WandbRecord, read_run
from sweep_operator.child_process import Send, limit_memory, serve
from sweep_operator.tracking.delivery.messages import Trouble
from sweep_operator.tracking.delivery.process import own_folder
from sweep_operator.tracking.history.messages import HistoryAnswer, HistoryQuestion, PastRun, PastSweep
from sweep_operator.tracking.history.reader import metric_named, reported_metric, rows_of_answer
from sweep_operator.tracking.troubles import NotThere, trouble_of

PAGE = 250
MEMORY = 768 * 1024 * 1024
"""Bytes that the process may allocate to learn from a sweep: the operator has other work too."""
_RUNS = """
query SweepHistory(
  $project: String!, $entity: String!, $sweep: String!, $filters: JSONString, $cursor: String, $perPage: Int,
  $first: Boolean!
) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $sweep) @include(if: $first) { name displayName description config }
    runs(filters: $filters, after: $cursor, first: $perPage, order: "-created_at") {
      pageInfo { endCursor hasNextPage }
      edges { node { name displayName state config summaryMetrics createdAt heartbeatAt } }
    }
  }
}
"""


def main() -> None:
    """Answer until standard input closes."""
    serve(_answer, folder=own_folder())


def _answer(line: bytes, send: Send) -> None:
    question = HistoryQuestion.model_validate_json(line)
    if question.learner is not None:
        limit_memory(MEMORY)
    try:
        answer = read(question)
        if question.learner is not None:
            answer = HistoryAnswer(learned=question.learner.learn(rows_of_answer(answer)))
    except MemoryError:
        text = "its runs need too much memory; lower maxObservations"
        answer = HistoryAnswer(trouble=Trouble(reason="RequestRefused", message=text, permanent=True))
    except Exception as error:
        place = f"{question.entity}/{question.project}" if question.entity else question.project
        answer = HistoryAnswer(trouble=trouble_of(error, place, reading=True))
    send(answer)


def read(question: HistoryQuestion) -> HistoryAnswer:
    """Raises NotThere, WandbError, NoKey, ImportError."""
    from sweep_operator.tracking.sdk import Project

    project = Project(question.entity, question.project, question.patience)
    called = [] if question.sweep_name is None else [s.id for s in project.sweeps_called(question.sweep_name)]
    *older, sweep_id = called or [question.sweep_id or question.sweep_name or ""]
    sweep: PastSweep | None = None
    runs: list[PastRun] = []
    now = datetime.now(UTC)
    for found, nodes in _pages(project, sweep_id):
        if found is not None:
            sweep = found
        assert sweep is not None
        runs += [_past_run(node, question, sweep, now) for node in nodes]
        results = sum(r.state in ("success", "failure") for r in runs)
        if question.limit is not None and results >= question.limit:
            break
    return HistoryAnswer(entity=project.entity, sweep=sweep, older=older, runs=runs)


def _pages(project: Any, sweep_id: str) -> Iterator[tuple[PastSweep | None, list[Mapping[str, Any]]]]:
    """The sweep (with the first page) and its runs, newest first, 250 per page."""
    cursor, first = None, True
    while True:
        variables = {
            "project": project.project, "entity": project.entity, "sweep": sweep_id, "cursor": cursor, "perPage": PAGE,
            "first": first, "filters": json.dumps({"sweep": sweep_id}),
        }  # fmt: skip
        there = project.ask(_RUNS, variables).get("project")
        if there is None:
            raise NotThere(f"W&B project {project.path} does not exist, or this API key has no access to it")
        sweep = there.get("sweep")
        if first and sweep is None:
            raise NotThere(f"W&B project {project.path} has no sweep {sweep_id!r}, or this API key has no access to it")
        page = there["runs"]
        yield (_past_sweep(sweep) if first else None), [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return
        cursor, first = page["pageInfo"]["endCursor"], False


def _past_sweep(node: Mapping[str, Any]) -> PastSweep:
    name = node.get("displayName") or node["name"]
    return PastSweep(
        id=node["name"], name=name, description=node.get("description") or "", config=node.get("config") or ""
    )


def _past_run(node: Mapping[str, Any], question: HistoryQuestion, sweep: PastSweep, now: datetime) -> PastRun:
    config, summary = _json(node.get("config")), _json(node.get("summaryMetrics"))
    plain = {k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in config.items()}
    record = WandbRecord(node["name"], node.get("state") or "", plain, summary, node.get("heartbeatAt"))
    metric = metric_named(sweep) or question.metric or "score"
    found = read_run(record, now, metric=metric, objective=question.objective, cost=question.cost)
    return PastRun(
        id=found.id,
        name=node.get("displayName") or found.id,
        state=found.state,
        parameters=dict(found.params),
        suggested=found.suggested,
        config={k: v for k, v in found.config.items() if k not in found.params},
        objective=found.objective,
        metric=question.objective or (reported_metric(sweep) if found.suggested else metric),
        last_report=found.last_report,
        cost=found.cost,
        cost_is_runtime=found.cost_is_runtime,
        metrics=dict(found.metrics),
        error=found.error,
        failure_class=found.failure_class,
        origin=found.origin,
        created=found.created or node.get("createdAt"),
    )


def _json(text: object) -> dict[str, Any]:
    if isinstance(text, Mapping):
        return dict(text)
    try:
        found = json.loads(str(text or "{}"), strict=False)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    main()
