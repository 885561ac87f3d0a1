"""Fixtures for decisions: a Sweep, runs, Jobs and pods, each with only the field under test changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sweep_operator.api.errors import parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import STAGES, SweepRun
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.plan import Plan
from sweep_operator.decide.snapshot import Snapshot, Suggested, Suggestion
from sweep_operator.decide.sweep import decide
from sweep_operator.domain.revisions import RunTemplate
from tests.builders import X, sweep_body

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sweep(*, generation: int = 1, status: dict[str, Any] | None = None, **spec: Any) -> Sweep:
    base: dict[str, Any] = {
        "parameters": {"x": {**X, "mean": 0.25}},
        "limits": {"maxRuns": 4, "maxParallelRuns": 2},
        "perRun": {"retries": {"backoffSeconds": 10}},
        "train": {"image": "i", "command": ["train"]},
    }
    metadata = {"uid": "sweep-uid", "generation": generation, "resourceVersion": "1"}
    return parse(Sweep, sweep_body(metadata=metadata, status=status or {}, **{**base, **spec}))


def run(index: int | None, *, name: str | None = None, x: float = 0.5, status: Any = None, **spec: Any) -> SweepRun:
    name = name or f"s.r.{index}"
    owner = {"apiVersion": "metta.ai/v1alpha1", "kind": "Sweep", "name": "s", "uid": "sweep-uid", "controller": True}
    body = {
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "ownerReferences": [owner]},
        "spec": {"sweepName": "s", "parameters": {"x": x}, **({"index": index} if index is not None else {}), **spec},
        "status": status or {},
    }
    return parse(SweepRun, body)


def job(of: SweepRun, stage: str = "train", attempt: int = 1, **changes: Any) -> JobView:
    values: dict[str, Any] = {
        "name": f"{of.name.replace('.', '-')}-{stage}-{attempt}",
        "uid": f"job-{of.name}-{stage}-{attempt}",
        "owner_uid": of.metadata.uid,
        "run": of.name,
        "stage": stage,
        "attempt": attempt,
        "created": T0,
        "suspended": False,
        "deleting": False,
        "finished": None,
        "finished_reason": "",
        "finished_message": "",
    }
    return JobView(**{**values, **changes})


def pod(of: SweepRun, stage: str = "train", attempt: int = 1, **changes: Any) -> PodView:
    values: dict[str, Any] = {
        "name": f"pod-{of.name}-{stage}-{attempt}",
        "uid": f"pod-{of.name}-{stage}-{attempt}",
        "run": of.name,
        "stage": stage,
        "attempt": attempt,
        "rank": 0,
        "created": T0,
        "phase": "Running",
        "reason": "",
        "message": "",
        "deletion_requested": None,
        "deletion_due": None,
        "disrupted": None,
        "disrupted_at": None,
        "unschedulable": None,
        "waiting_reason": None,
        "waiting_message": "",
        "started": at(1),
        "finished": None,
        "exit_code": None,
        "terminated_reason": "",
        "termination_message": "",
        "node": "n1",
        "image_id": "sha",
        "holds_result": True,
    }
    return PodView(**{**values, **changes})


def ended(
    of: SweepRun, code: int, message: str = "", stage: str = "train", attempt: int = 1, **changes: Any
) -> PodView:
    values: dict[str, Any] = {
        "phase": "Succeeded" if code == 0 else "Failed",
        "finished": at(11),
        "exit_code": code,
        "terminated_reason": "Completed" if code == 0 else "Error",
        "termination_message": message,
    }
    return pod(of, stage, attempt, **{**values, **changes})


def snapshot(
    of: Sweep,
    runs: Sequence[SweepRun] = (),
    jobs: Sequence[JobView] = (),
    pods: Sequence[PodView] = (),
    *,
    now: float = 20,
    templates: Sequence[RunTemplate] = (),
    config: OperatorConfig | None = None,
    **changes: Any,
) -> Snapshot:
    """Jobs and pods are as the API server has them, unless ``looked`` says otherwise."""
    known = [RunTemplate.of(of), *templates]
    looked = {r.status.stage(stage).job_name for r in runs for stage in STAGES}
    changes.setdefault("looked", frozenset(name for name in looked if name is not None))
    return Snapshot(
        sweep=of,
        runs=tuple(runs),
        jobs=tuple(jobs),
        pods=tuple(pods),
        revisions={t.hash: t for t in known},
        now=at(now),
        config=config or OperatorConfig(),
        **changes,
    )


def started(of: Sweep, index: int | None = 0, **spec: Any) -> SweepRun:
    """A run whose first attempt has been raised, as decide itself writes it."""
    fresh = run(index, **spec)
    plan = decide(snapshot(of, [fresh], now=0))
    return after(plan, fresh)


def after(plan: Plan, of: SweepRun) -> SweepRun:
    """The run as the plan leaves it."""
    return next(p.updated for p in plan.runs if p.run.name == of.name)


def settled(of: Sweep, plan: Plan) -> Sweep:
    """The Sweep with the plan's status."""
    return of.with_(status=plan.status)


def suggestions(first: int, count: int) -> Suggested:
    return Suggested(tuple(Suggestion(first + i, {"x": 0.1 * (first + i)}, "random") for i in range(count)))


def reason(of: SweepRun) -> str:
    return next(c.reason for c in of.status.conditions if c.type == "Succeeded")


def finished(of: Sweep, index: int, score: float, seconds: float = 10, x: float = 0.5) -> SweepRun:
    """A completed run, by way of the decisions themselves."""
    live = started(of, index, x=x)
    message = f'{{"metrics": {{"reward": {score}}}}}'
    pods = [ended(live, 0, message, finished=at(1 + seconds))]
    return after(decide(snapshot(of, [live], [job(live)], pods, now=1 + seconds)), live)


def failed(of: Sweep, index: int, code: int = 65) -> SweepRun:
    """A run that failed by bad parameters (65) or otherwise for good."""
    live = started(of, index)
    return after(decide(snapshot(of, [live], [job(live)], [ended(live, code)], now=12)), live)
