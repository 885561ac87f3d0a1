"""The input of the decision about one run, and the parameters that the run uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.observed import JobView, PodView, ServiceView, group_by_run
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.verdicts import Others
from sweep_operator.domain.revisions import RunTemplate

_WAITING = {
    "WaitingForSlot": "limits.maxParallelRuns runs are active",
    "Suspended": "the sweep is suspended",
    "SweepNotAccepted": "the spec of the Sweep is not accepted; see its condition Accepted",
}


@dataclass(frozen=True)
class RunContext:
    """The Snapshot from the view of one run."""

    snap: Snapshot
    template: RunTemplate | None
    """The template that the run started with. None: not started, or its ControllerRevision is missing."""
    jobs: tuple[JobView, ...]
    pods: tuple[PodView, ...]
    services: tuple[ServiceView, ...]
    old_jobs: tuple[JobView, ...]
    """Jobs with this run's name that it does not own: of an earlier run with the same name."""
    old_pods: tuple[PodView, ...]
    """Pods of an earlier run with the same name."""
    may_start: bool
    waiting_reason: str
    """Why the run must not start, or would wait for a slot."""
    end: str | None
    """Reason for which every run of the sweep ends now (Stopped, DeadlineReached)."""
    others: Others
    """What early stopping compares the run with."""

    @property
    def suspend_policy(self) -> str | None:
        """``drain`` or ``terminate`` while the sweep is suspended."""
        spec = self.snap.sweep.spec
        return spec.suspend_policy if spec.suspend else None

    @property
    def waiting_message(self) -> str:
        """The message for ``waiting_reason``."""
        return _WAITING.get(self.waiting_reason, "the sweep has ended or is ending")

    @property
    def leftover(self) -> str | None:
        """A Job or an active pod of an earlier run with the same name, which must be deleted first."""
        pods = (f"pod {p.name}" for p in self.old_pods if not p.over)
        return next((f"Job {j.name}" for j in self.old_jobs), next(pods, None))


class RunViews:
    """The Jobs, pods and Services of a Snapshot by the name of their run, those of earlier runs included."""

    def __init__(self, snap: Snapshot) -> None:
        self.jobs, self.pods = group_by_run(snap.jobs), group_by_run(snap.pods)
        self.services = group_by_run(snap.services)


def run_context(
    snap: Snapshot,
    run: SweepRun,
    views: RunViews,
    others: Others,
    *,
    may_start: bool,
    waiting_reason: str,
    end: str | None,
) -> RunContext:
    """The context of ``run``."""
    uid = run.metadata.uid
    jobs, pods = views.jobs.get(run.name, ()), views.pods.get(run.name, ())
    return RunContext(
        snap=snap,
        template=snap.revisions.get(run.status.template_hash or ""),
        jobs=tuple(j for j in jobs if j.owner_uid == uid),
        pods=tuple(p for p in pods if p.run_uid in (None, uid)),
        services=tuple(s for s in views.services.get(run.name, ()) if s.run_uid == uid),
        old_jobs=tuple(j for j in jobs if j.owner_uid != uid),
        old_pods=tuple(p for p in pods if p.run_uid not in (None, uid)),
        may_start=may_start,
        waiting_reason=waiting_reason,
        end=end,
        others=others,
    )


def effective_parameters(run: SweepRun, sweep: Sweep, center: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The run's parameters with the types of their distributions. Missing ones of a manual run are at the center.

    Values outside the bounds are allowed. Raises ValueError for an unknown parameter or a value of another type.
    """
    specs = sweep.spec.parameters
    given: dict[str, Scalar] = {}
    for path, value in run.spec.parameters.items():
        if path not in specs:
            raise ValueError(f"spec.parameters['{path}']: is not a parameter of the sweep; known are {sorted(specs)}")
        try:
            given[path] = typed_value(specs[path], value)
        except ValueError as error:
            raise ValueError(f"spec.parameters['{path}']: {error}") from None
    if run.spec.index is not None:
        return given
    filled = {**center, **given}
    active = {
        path: value
        for path, value in filled.items()
        if path in given or (when := specs[path].when) is None or filled.get(when.parameter) in when.in_
    }
    return {path: active[path] for path in specs if path in active}
