"""The deliveries of one Sweep: what is offered, what is known, and when a failed run is retried."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import RunTracking, SweepRun
from sweep_operator.decide.plan import TrackRequest
from sweep_operator.decide.tracking import TrackingProblem, TrackingReport
from sweep_operator.pacing import backoff
from sweep_operator.tracking.delivery.messages import Line, Trouble

FIRST_RETRY, LONGEST_RETRY = 2.0, 300.0
"""Seconds between attempts while W&B does not answer."""
FIRST_REPAIR, LONGEST_REPAIR = 300.0, 3600.0
"""Seconds between attempts after a failure that only a person can fix."""
REPORTED_AFTER = 3
"""Temporary failures in a row before the condition reports them."""


@dataclass
class Retry:
    """The failures in a row of one run, project or server."""

    failures: int = 0
    not_before: float = 0.0

    def failed(self, now: float, *, permanent: bool, rand: Callable[[], float] = random.random) -> None:
        """Note a failure and delay the next attempt."""
        first, longest = (FIRST_REPAIR, LONGEST_REPAIR) if permanent else (FIRST_RETRY, LONGEST_RETRY)
        self.not_before = now + backoff(self.failures, first, longest, rand=rand)
        self.failures += 1

    def wait(self, now: float) -> float:
        """Return the seconds until the next attempt."""
        return max(0.0, self.not_before - now)


_NEVER_TRIED = Retry()


@dataclass
class Offer:
    """What one Sweep offers for delivery, and what is known about it."""

    sweep: Sweep
    generation: int = 0
    """Of the last offer."""
    request: TrackRequest | None = None
    sweep_id: str | None = None
    url: str | None = None
    entity: str | None = None
    runs: dict[str, RunTracking] = field(default_factory=dict)
    """By uid: results that the statuses of the runs may not contain yet."""
    retries: dict[str, Retry] = field(default_factory=dict)
    """By uid of the run."""
    written: set[str] = field(default_factory=set)
    """Uids of runs that were written and not read back."""
    problem: Trouble | None = None
    troubles: int = 0
    """Failed parcels in a row."""
    latest: Trouble | None = None
    """Why the last parcel failed, if it did."""
    failing_since: float = 0.0
    """When the first of these parcels failed."""
    heard: bool = False
    served: float = 0.0
    """When its last parcel started."""

    def replace(self, sweep: Sweep, request: TrackRequest | None) -> bool:
        """Replace the offer. True: the Sweep was edited, which may have fixed the problem."""
        moved = self.request is not None and request is not None and self.request.destination != request.destination
        edited = moved or sweep.metadata.generation != self.generation
        if moved:
            self.sweep_id = self.url = self.entity = None
            self.written.clear()
        if edited:
            self.problem, self.troubles, self.latest = None, 0, None
            self.retries.clear()
        self.sweep, self.generation, self.request = sweep, sweep.metadata.generation, request
        if request is None:
            self.problem = self.latest = None
        else:
            open_ = {run.metadata.uid for run in request.runs}
            self.runs = {uid: news for uid, news in self.runs.items() if uid in open_}
            self.retries = {uid: retry for uid, retry in self.retries.items() if uid in open_}
            self.written &= open_
        return edited

    def open_runs(self) -> list[SweepRun]:
        """Runs to deliver. A delivered run only waits until its status says so."""
        news = self.runs
        runs = self.request.runs if self.request is not None else ()
        return [r for r in runs if r.metadata.uid not in news or news[r.metadata.uid].state == "Refused"]

    def has_work(self) -> bool:
        """Whether there is something to deliver: runs, or the sweep itself."""
        if self.request is None:
            return False
        nameless = not self.request.offline and self.request.sweep_id is None and self.sweep_id is None
        return nameless or bool(self.open_runs())

    def retry(self, run: SweepRun) -> Retry:
        """The failures of a run."""
        return self.retries.get(run.metadata.uid, _NEVER_TRIED)

    def goes_to(self, request: TrackRequest) -> bool:
        """Whether the current offer has the same destination as ``request``."""
        now = self.request
        return now is not None and (now.destination, now.offline) == (request.destination, request.offline)

    def note(self, line: Line, uids: Mapping[str, str], now: float) -> None:
        """Store one report of the delivery process. ``uids``: by W&B's id of the run."""
        uid = uids.get(line.run or "")
        if line.kind == "sweep":
            self.sweep_id, self.url, self.entity = line.sweep_id, line.url, line.entity
        elif line.kind == "written" and uid is not None:
            self.written.add(uid)
        elif line.kind == "delivered" and uid is not None:
            state = "Offline" if self.request is not None and self.request.offline else "Delivered"
            self.runs[uid] = RunTracking.model_validate({"state": state, "run_id": line.run, "url": line.url})
            self.retries.pop(uid, None)
        elif line.kind == "trouble" and uid is not None and line.trouble is not None:
            self.delay(uid, line.trouble, now)
            if line.trouble.permanent:
                self.runs[uid] = RunTracking(state="Refused", run_id=line.run, error=line.trouble.message[:512])

    def delay(self, uid: str, trouble: Trouble, now: float) -> None:
        """Note the failure of one run."""
        self.retries.setdefault(uid, Retry()).failed(now, permanent=trouble.permanent)

    def fail(self, trouble: Trouble, now: float) -> None:
        """Note the failure of a whole parcel. Temporary failures are reported when they persist."""
        self.failing_since = now if self.troubles == 0 else self.failing_since
        self.troubles, self.latest = self.troubles + 1, trouble
        if trouble.permanent or self.troubles >= REPORTED_AFTER:
            self.heard = True
            if self.problem is None or self.problem.reason != trouble.reason:  # no new write if only the text changed
                self.problem = trouble

    def succeed(self) -> None:
        """Note the success of a parcel."""
        self.problem, self.troubles, self.latest, self.heard = None, 0, None, True

    def report(self, *, keeps_files: bool) -> TrackingReport:
        """What is known, for the next pass over the Sweep."""
        return TrackingReport(
            sweep_id=self.sweep_id,
            url=self.url,
            entity=self.entity,
            runs=dict(self.runs),
            problem=_problem_of(self.problem),
            latest=_problem_of(self.latest),
            heard=self.heard,
            keeps_files=keeps_files,
        )


def _problem_of(trouble: Trouble | None) -> TrackingProblem | None:
    return None if trouble is None else TrackingProblem(trouble.reason, trouble.message)
