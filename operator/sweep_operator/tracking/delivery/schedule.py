"""When a parcel may be sent: rate limits per project, and delays after failures of a project or server."""

from __future__ import annotations

from collections.abc import Callable

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.tracking import Destination
from sweep_operator.decide.plan import TrackRequest
from sweep_operator.pacing import TokenBucket
from sweep_operator.tracking.delivery.messages import Trouble
from sweep_operator.tracking.delivery.offer import Offer, Retry

MAX_PARCEL = 50
WORTH_A_PARCEL = 10
"""A parcel waits until the project's rate allows so many of the waiting runs: each parcel costs two reads."""


class Schedule:
    """Rate limits and delays of all destinations."""

    def __init__(self, runs_per_minute: float, clock: Callable[[], float]) -> None:
        self._runs_per_minute, self._clock = runs_per_minute, clock
        self._servers: dict[str, Retry] = {}
        self._projects: dict[Destination, Retry] = {}
        self._rates: dict[Destination, TokenBucket] = {}

    def wait(self, offer: Offer, request: TrackRequest) -> float:
        """Seconds until something of the offer may be delivered."""
        now, there = self._clock(), request.destination
        if not request.offline:
            tried = (self._servers.get(there.base_url), self._projects.get(there))
            blocked = max((retry.wait(now) for retry in tried if retry is not None), default=0.0)
            if blocked > 0:
                return blocked
        runs = offer.open_runs()
        if not runs:
            return 0.0
        first = min(offer.retry(run).wait(now) for run in runs)
        rate = 0.0 if request.offline else self._rate(there).wait(min(len(runs), WORTH_A_PARCEL))
        return max(first, rate)

    def take(self, offer: Offer, request: TrackRequest) -> list[SweepRun]:
        """Runs of the next parcel. Runs with few failures come first, so that one that hangs does not block others."""
        now, rate = self._clock(), self._rate(request.destination)
        most = MAX_PARCEL if request.offline else min(MAX_PARCEL, rate.available())
        ready = [run for run in offer.open_runs() if offer.retry(run).wait(now) <= 0]
        chosen = sorted(ready, key=lambda run: offer.retry(run).failures)[:most]
        if not request.offline:
            rate.take(len(chosen))
        return chosen

    def fail(self, there: Destination, trouble: Trouble) -> None:
        """Delay deliveries: to the project after a permanent failure, else to the server."""
        retry = (
            self._projects.setdefault(there, Retry())
            if trouble.permanent
            else self._servers.setdefault(there.base_url, Retry())
        )
        retry.failed(self._clock(), permanent=trouble.permanent)

    def succeed(self, there: Destination) -> None:
        """Forget the failures of a destination."""
        self._servers.pop(there.base_url, None)
        self.fixed(there)

    def fixed(self, there: Destination) -> None:
        """Forget the permanent failures of a project."""
        self._projects.pop(there, None)

    def _rate(self, there: Destination) -> TokenBucket:
        new = TokenBucket(self._runs_per_minute / 60, max(1.0, self._runs_per_minute / 4), clock=self._clock)
        return self._rates.setdefault(there, new)
