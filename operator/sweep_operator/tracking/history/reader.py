"""Reads the runs of a W&B sweep in a child process with a time limit. Nothing here imports wandb or blocks."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweep_operator.child_process import ChildFailed
from sweep_operator.config.errors import ConfigError
from sweep_operator.config.yaml_files import parse_documents
from sweep_operator.exchange.row import Goal, Row, RowFailure, RunResult
from sweep_operator.tracking.delivery.process import FOLDER_PREFIX, environment, start_wandb
from sweep_operator.tracking.history.messages import HistoryAnswer, HistoryQuestion, PastRun, PastSweep

LINE_LIMIT = 512 * 1024 * 1024
"""Longest answer in bytes: ten thousand runs with a thousand metrics each."""
_INDEX = re.compile(r"\.r\.(\d+)$")
_OURS = re.compile(r"Sweep .*, uid \S+, score is (?P<metric>.+)(\nObjective: .+)*")
"""Description that the outbox writes for a sweep whose score has a name."""
_RESULTS: Mapping[str, RunResult] = {
    "success": "succeeded", "unscored": "succeeded", "failure": "failed", "running": "open", "defunct": "open"
}  # fmt: skip


class WandbUnreadable(Exception):
    """W&B could not be read. ``lasting``: a retry cannot succeed until a person fixes the cause."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


class WandbHistory:
    """Asks W&B servers, each question in its own process."""

    def __init__(
        self, *, seconds: float = 90.0, environ: Mapping[str, str] = os.environ, line_limit: int = LINE_LIMIT
    ) -> None:
        """``seconds``: time limit of one question. ``line_limit``: bytes of the longest answer."""
        self._seconds, self._environ, self._line_limit = seconds, environ, line_limit

    async def ask(self, base_url: str, question: HistoryQuestion) -> HistoryAnswer:
        """The sweep and its runs, newest first. Raises WandbUnreadable."""
        with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True) as name:
            process = await start_wandb(
                "sweep_operator.tracking.history.worker",
                "process that reads W&B",
                environment(self._environ, base_url, Path(name), question.patience),
                Path(name),
                line_limit=self._line_limit,
            )
            try:
                process.send(question)
                answer = await process.receive(HistoryAnswer, self._seconds)
            except TimeoutError:
                text = f"W&B at {base_url} did not answer within {self._seconds:g} s"
                raise WandbUnreadable(text, lasting=False) from None
            except ChildFailed as error:
                raise WandbUnreadable(str(error), lasting=False) from None
            finally:
                await process.kill()
        if answer.trouble is not None:
            raise WandbUnreadable(answer.trouble.message, lasting=answer.trouble.permanent)
        return answer


def rows_of_answer(answer: HistoryAnswer) -> list[Row]:
    """One row per run, newest first."""
    if answer.sweep is None:
        return []
    searched = frozenset(searched_parameters(answer.sweep))
    return [_row(run, answer.sweep, searched) for run in answer.runs]


def searched_parameters(sweep: PastSweep) -> dict[str, dict[str, Any]]:
    """The parameters that the W&B sweep itself searches: dotted path -> distribution. Constants are skipped."""
    return dict(_distributions(sweep_config(sweep).get("parameters"), ""))


def _distributions(nested: object, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in nested.items() if isinstance(nested, dict) else ():
        if not isinstance(value, dict) or "value" in value:
            continue
        if isinstance(value.get("parameters"), dict):
            yield from _distributions(value["parameters"], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def sweep_config(sweep: PastSweep) -> dict[str, Any]:
    """The configuration; empty if it is not a YAML mapping."""
    try:
        documents = parse_documents(sweep.config, f"W&B sweep {sweep.id}")
    except ConfigError:
        return {}
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def metric_named(sweep: PastSweep) -> str | None:
    """Name of the sweep's score: the outbox writes it to the description, W&B itself to the configuration."""
    name = _metric(sweep).get("name")
    return reported_metric(sweep) or (str(name) if name else None)


def goal_named(sweep: PastSweep) -> Goal | None:
    """The sweep's goal; None if it has no metric."""
    metric = _metric(sweep)
    if not metric:
        return None
    return "maximize" if metric.get("goal") == "maximize" else "minimize"  # W&B's default


def index_of(run: PastRun) -> int | None:
    """Number of the run in its sweep: the name of run 3 ends in ``.r.3``."""
    found = _INDEX.search(run.name)
    return None if found is None else int(found[1])


def _metric(sweep: PastSweep) -> dict[str, Any]:
    metric = sweep_config(sweep).get("metric")
    return metric if isinstance(metric, dict) else {}


def reported_metric(sweep: PastSweep) -> str | None:
    """Name of the score that runs of this operator report."""
    found = _OURS.fullmatch(sweep.description)
    return None if found is None else found["metric"]


def _row(run: PastRun, sweep: PastSweep, searched: frozenset[str]) -> Row:
    result = _RESULTS[run.state]
    failure = RowFailure(run.failure_class or "parameters", "Failed", run.error) if result == "failed" else None
    # a config also holds values that are not searched; a suggestion does not
    parameters = {k: v for k, v in run.parameters.items() if run.suggested or k in searched}
    fixed = {k: v for k, v in {**run.config, **run.parameters}.items() if k not in parameters}
    if run.suggested:  # W&B requires a parameter, so Metta's sweep system adds one
        fixed = {k: v for k, v in fixed.items() if k not in searched}
    return Row(
        where=f"run {run.name}",
        result=result,
        parameters=parameters,
        fixed=fixed,
        score=run.objective,
        metric=run.metric,
        sweep_metric=reported_metric(sweep) if run.suggested else metric_named(sweep),
        goal=goal_named(sweep),
        cost=run.cost,
        cost_source="WallClock" if run.cost_is_runtime else None,
        metrics=run.metrics,
        lost=run.state == "defunct",
        failure=failure,
        run=run.name,
        index=index_of(run),
        origin=run.origin,
        created=run.created,
        last_report=run.last_report,
    )
