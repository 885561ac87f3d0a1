"""The page of one run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from protein.searchspace.coordinates import same
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import STAGES, Stage, SweepRun
from sweep_operator.views.best_params import searched_overrides
from sweep_operator.views.events import read_event
from sweep_operator.views.labels import label
from sweep_operator.views.page.rows import is_interrupted
from sweep_operator.views.page.run_models import (
    Attempt,
    Difference,
    Log,
    Provenance,
    RunDetails,
    RunEvent,
)
from sweep_operator.views.page.times import page_conditions
from sweep_operator.views.training_command import Templates, training_command

Object = Mapping[str, Any]


def run_details(
    sweep: Sweep, run: SweepRun, best: SweepRun | None, events: Sequence[Object], templates: Templates
) -> RunDetails:
    """What the page of a run shows besides its row. ``best``: the best run. ``events``: about the run, as objects."""
    again = training_command(sweep, run, templates, label(run))
    tracking = run.status.tracking
    return RunDetails(
        attempts=[attempt for stage in STAGES for attempt in _attempts(run, stage)],
        events=[_event(event) for event in events],
        conditions=page_conditions(run.status.conditions),
        difference=[] if best is None or best.name == run.name else list(_differences(sweep, run, best)),
        provenance=_provenance(run),
        command=again.text,
        overrides=searched_overrides(again),
        logs=[log for stage in STAGES for log in _logs(run, stage, again.template.of_stage(stage).nodes)],
        tracker_url=_web_address(tracking.url if tracking is not None else None),
    )


def _attempts(run: SweepRun, stage: Stage) -> Iterator[Attempt]:
    status, failure = run.status.stage(stage), run.status.failure
    for attempt in status.attempts:
        last = attempt.n == status.attempt
        ended_run = last and failure is not None and failure.stage == stage
        yield Attempt(
            stage=stage,
            attempt=attempt.n,
            state=attempt.class_ or "evicted",
            reason=failure.reason if ended_run and failure is not None else "",
            exit_code=status.exit_code if last else None,
            seconds=attempt.seconds,
            node=status.node_of(attempt),
            pod=attempt.pod_name,
        )
    if status.attempt and not run.terminal and not run.status.attempt_recorded(stage, status.attempt):
        state = "interrupted" if is_interrupted(run) else "waiting" if status.start_time is None else "running"
        yield Attempt(
            stage=stage, attempt=status.attempt, state=state, reason="",
            exit_code=None, seconds=None, node=status.node, pod=status.pod_name,
        )  # fmt: skip


def _event(event: Object) -> RunEvent:
    found = read_event(event)
    return RunEvent(time=found.time, type=found.type, reason=found.reason, message=found.message, count=found.times)


def _differences(sweep: Sweep, run: SweepRun, best: SweepRun) -> Iterator[Difference]:
    for path in sweep.spec.parameters:
        value, other = run.parameters.get(path), best.parameters.get(path)
        if value is None or other is None:
            if value is not other:
                yield Difference(path=path, value=value, best=other)
        elif not same(value, other):
            yield Difference(path=path, value=value, best=other)


def _provenance(run: SweepRun) -> Provenance | None:
    found = run.spec.provenance
    if found is None:
        return None
    ranges = re.findall(r"(\d{1,9})(?:-(\d{1,9}))?", found.pending)
    pending = sum(max(0, int(last or first) - int(first) + 1) for first, last in ranges)
    return Provenance(observations=found.observations, pending=pending + len(found.pending_runs))


def _logs(run: SweepRun, stage: Stage, nodes: int) -> Iterator[Log]:
    """The logs that can exist: of each attempt, and of all nodes of the last one."""
    last = run.status.stage(stage).attempt
    for attempt in range(1, last + 1):
        for rank in range(nodes if attempt == last else 1):
            yield Log(stage=stage, attempt=attempt, rank=rank)


def _web_address(url: str | None) -> str | None:
    """``url`` if a browser may open it. Offline, it is a path of files."""
    return url if url is not None and url.startswith(("https://", "http://")) else None
