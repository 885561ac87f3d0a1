"""The time of a run in phases: waiting for a node, preparing the pod, training, evaluating, waiting for a retry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweeprun import STAGES, Attempt, Stage, SweepRun
from sweep_operator.domain.times import time_text, utc
from sweep_operator.views.page.run_models import Phase, PhaseName
from sweep_operator.views.page.times import later

_WORK: dict[Stage, PhaseName] = {"train": "training", "eval": "evaluating"}
_BEFORE_THE_START: Mapping[str, PhaseName] = {
    **dict.fromkeys(("ContainerCreating", "PodInitializing", "ErrImagePull", "ImagePullBackOff"), "pulling"),
    **dict.fromkeys(("Training", "Evaluating"), "starting"),
}
"""By the reason of a run whose program has not started, as far as is known. A node reports those of pulling. With those
of starting, nothing is recorded yet: a start or a wait is recorded only after some seconds."""


def phases_of(run: SweepRun) -> list[Phase]:
    """The phases in order. A phase whose end is unknown, because several pods were merged, is missing."""
    return list(_phases(run))


def _phases(run: SweepRun) -> Iterator[Phase]:
    since = run.metadata.creation_timestamp
    if since is None or run.imported:
        return
    since = utc(since)
    ended = run.terminal
    for stage in STAGES:
        status, retry = run.status.stage(stage), False
        for attempt, open_ in _attempts(run, stage):
            ends = list(_ends(run, attempt, open_=open_))
            for phase, end in ends:
                node = status.node_of(attempt) if phase != "queued" else None
                if phase == "queued" and retry:
                    phase = "retrying"
                if end is None or end > since:
                    yield Phase(
                        phase=_WORK[stage] if phase == "training" else phase, stage=stage, attempt=attempt.n,
                        start=time_text(since), end=None if end is None else time_text(end), node=node,
                    )  # fmt: skip
                since = since if end is None else max(since, end)
            if ends and ends[-1][1] is None:
                return
            retry = attempt.class_ is not None  # else its queue evicted it, and another pod continues it
    if not ended and (waits := _waits(run)) is not None:
        stage, name = waits
        n = run.status.stage(stage).attempt + 1
        yield Phase(phase=name, stage=stage, attempt=n, start=time_text(since), end=None, node=None)


def _attempts(run: SweepRun, stage: Stage) -> Iterator[tuple[Attempt, bool]]:
    """The attempts, and whether each one is still going on: at most the last."""
    status = run.status.stage(stage)
    yield from ((attempt, False) for attempt in status.attempts)
    if status.attempt and not run.terminal and not run.status.attempt_recorded(stage, status.attempt):
        yield Attempt(n=status.attempt, scheduled_time=status.scheduled_time, start_time=status.start_time), True


def _ends(run: SweepRun, attempt: Attempt, *, open_: bool) -> Iterator[tuple[PhaseName, datetime | None]]:
    """The phases of one attempt, each with its end; None: it has not ended."""
    started = None if attempt.start_time is None else utc(attempt.start_time)
    scheduled = None if attempt.scheduled_time is None else utc(attempt.scheduled_time)
    if started is not None:
        if scheduled is not None:
            yield "queued", min(scheduled, started)
            yield "pulling", started
        else:
            yield "queued", started
        yield "training", None if open_ else later(started, attempt.seconds)
    elif open_:
        condition = find_condition(run.status.conditions, "Succeeded")
        yield _BEFORE_THE_START.get("" if condition is None else condition.reason, "queued"), None


def _waits(run: SweepRun) -> tuple[Stage, PhaseName] | None:
    """The stage that a run without an open attempt waits for."""
    status = run.status
    if status.train.attempt == 0:
        return "train", "queued"
    trained = find_condition(status.conditions, "TrainSucceeded")
    stage: Stage = "eval" if trained is not None and trained.status == "True" else "train"
    return stage, "retrying" if status.stage(stage).attempt else "queued"
