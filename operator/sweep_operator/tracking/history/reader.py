"""The past of a W&B sweep, read by a child process under a hard time limit: nothing here imports wandb or blocks."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep_operator.config.errors import ConfigError
from sweep_operator.config.yaml_files import parse_documents
from sweep_operator.exchange.row import Outcome, Row, RowFailure
from sweep_operator.tracking.delivery.process import environment
from sweep_operator.tracking.history.messages import HistoryAnswer, HistoryQuestion, PastRun, PastSweep
from sweep_operator.tracking.processes import kill_family, last_words, start

LINE_LIMIT = 512 * 1024 * 1024
"""Longest answer in bytes: ten thousand runs with a thousand metrics each."""
_OURS = re.compile(r"Sweep .*, uid \S+, score is (?P<metric>.+)")
"""The description that the outbox gives a sweep whose score has a name."""
_OUTCOMES: Mapping[str, Outcome] = {
    "success": "succeeded", "unscored": "succeeded", "failure": "failed", "running": "open", "defunct": "open"
}  # fmt: skip


class WandbUnreadable(Exception):
    """W&B could not be read. ``lasting``: a retry cannot succeed until a person fixes the cause."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


class WandbHistory:
    """Asks W&B servers, each question in a process of its own."""

    def __init__(self, *, seconds: float = 90.0, environ: Mapping[str, str] = os.environ) -> None:
        """``seconds``: no question takes longer."""
        self._seconds, self._environ = seconds, environ

    async def ask(self, base_url: str, question: HistoryQuestion) -> HistoryAnswer:
        """The sweep and its runs, the newest first. Raises WandbUnreadable."""
        with tempfile.TemporaryDirectory(prefix="sweep-wandb-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            process = await start(
                "sweep_operator.tracking.history.worker",
                folder,
                environment(self._environ, base_url, folder, question.patience),
                line_limit=LINE_LIMIT,
            )
            try:
                text = question.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"
                assert process.stdin is not None
                assert process.stdout is not None
                async with asyncio.timeout(self._seconds):
                    process.stdin.write(text)  # and left open: the child ends when its input closes
                    answered = await process.stdout.read()
                    await process.wait()
            except TimeoutError:
                text_ = f"W&B at {base_url} did not answer within {self._seconds:g} s"
                raise WandbUnreadable(text_, lasting=False) from None
            finally:
                await _end(process)
            if not answered:
                words = last_words(folder, self._environ) or "no output"
                text_ = f"the process that reads W&B ended with exit code {process.returncode}: {words}"
                raise WandbUnreadable(text_, lasting=False)
        try:
            answer = HistoryAnswer.model_validate_json(answered)
        except ValidationError as error:
            raise WandbUnreadable(f"invalid answer from the process that reads W&B: {error}", lasting=False) from None
        if answer.trouble is not None:
            raise WandbUnreadable(answer.trouble.message, lasting=answer.trouble.lasting)
        return answer


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        kill_family(process.pid)
        await process.wait()


def rows_of_answer(answer: HistoryAnswer) -> list[Row]:
    """One row of each run, the newest first."""
    if answer.sweep is None:
        return []
    metric = _our_metric(answer.sweep)
    searched = frozenset(searched_parameters(answer.sweep))
    return [_row(run, metric, searched) for run in answer.runs]


def searched_parameters(sweep: PastSweep) -> dict[str, dict[str, Any]]:
    """What the W&B sweep itself searches: dotted path -> its distribution; constants are left out."""
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
    """The configuration; empty where it is none."""
    try:
        documents = parse_documents(sweep.config, f"W&B sweep {sweep.id}")
    except ConfigError:
        return {}
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def metric_named(sweep: PastSweep) -> str | None:
    """What the sweep's score is called: by the outbox in the description, by others in the configuration."""
    metric = sweep_config(sweep).get("metric")
    name = metric.get("name") if isinstance(metric, dict) else None
    return _our_metric(sweep) or (str(name) if name else None)


def _our_metric(sweep: PastSweep) -> str | None:
    found = _OURS.fullmatch(sweep.description)
    return None if found is None else found["metric"]


def _row(run: PastRun, metric: str | None, searched: frozenset[str]) -> Row:
    outcome = _OUTCOMES[run.state]
    failure = RowFailure(run.failure_class or "parameters", "Failed", run.error) if outcome == "failed" else None
    # a config also holds values that are not searched; a suggestion does not
    parameters = {k: v for k, v in run.parameters.items() if run.suggested or k in searched}
    return Row(
        where=f"run {run.name}",
        outcome=outcome,
        parameters=parameters,
        fixed={k: v for k, v in {**run.config, **run.parameters}.items() if k not in parameters},
        score=run.objective,
        metric=metric if run.suggested else None,
        cost=run.cost,
        cost_source="WallClock" if run.cost_is_runtime else None,
        metrics=run.metrics,
        failure=failure,
        run=run.name,
        origin=run.origin,
        created=run.created,
    )
