"""The outbox: what passes offer is delivered by the child, one parcel at a time, and what became of it is reported.

Nobody waits for it: passes leave their offers and read reports; the outbox wakes the Sweep's next pass when there is
news. Everything it knows can be lost: what is delivered says so in its SweepRun, and is looked up before it is sent.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import RunTracking, SweepRun
from sweep_operator.api.tracking import Destination
from sweep_operator.decide.plan import TrackRequest
from sweep_operator.decide.tracking import TrackingProblem, TrackingReport
from sweep_operator.pacing import TokenBucket, backoff
from sweep_operator.tracking.delivery.content import run_card, sweep_card
from sweep_operator.tracking.delivery.messages import Line, Parcel, Patience, Trouble
from sweep_operator.tracking.delivery.process import ChildGone, DeliveryChild

log = logging.getLogger(__name__)
Key = tuple[str, str]
"""(namespace, name) of a Sweep."""
MAX_PARCEL = 50
WORTH_A_PARCEL = 10
"""Runs that a project's rate must have room for, where so many wait: each parcel is read twice."""
IDLE_SECONDS = 60.0
"""A child that has had nothing to do for so long is ended: it holds 100 MB."""

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


@dataclass
class _Offer:
    """What is to be delivered of one Sweep, and what is known of it."""

    uid: str
    sweep: Sweep | None = None
    request: TrackRequest | None = None
    generation: int = 0
    sweep_id: str | None = None
    url: str | None = None
    entity: str | None = None
    runs: dict[str, RunTracking] = field(default_factory=dict)
    """By uid: news that the statuses may not show yet."""
    retries: dict[str, Retry] = field(default_factory=dict)
    """By uid of the run."""
    problem: Trouble | None = None
    troubles: int = 0
    """In a row."""
    heard: bool = False
    served: float = 0.0
    """When it was last worked on."""


class Outbox:
    """The engine's Tracker. ``run`` never returns; ``close`` ends the child."""

    def __init__(
        self,
        child: DeliveryChild,
        config: OperatorConfig,
        *,
        on_news: Callable[[Key], None] = lambda key: None,
        folder_of: Callable[[Sweep], Path] | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_news``: wakes a Sweep's next pass. ``folder_of``: where mode offline writes (None: nowhere)."""
        self.on_news = on_news
        self._child, self._config, self._folder_of = child, config, folder_of
        self._patience, self._clock = patience or patience_within(config.wandb_run_seconds), clock
        self._offers: dict[Key, _Offer] = {}
        self._servers: dict[str, Retry] = {}
        self._projects: dict[Destination, Retry] = {}
        self._rates: dict[Destination, TokenBucket] = {}
        self._wake = asyncio.Event()

    # -- the Tracker ------------------------------------------------------------------------------------------------

    def report(self, key: Key, uid: str) -> TrackingReport:
        """Return what is known about the Sweep's deliveries."""
        offer = self._offers.get(key)
        if offer is None or offer.uid != uid:
            return TrackingReport(keeps_files=self._folder_of is not None)
        problem = offer.problem
        return TrackingReport(
            sweep_id=offer.sweep_id,
            url=offer.url,
            entity=offer.entity,
            runs=dict(offer.runs),
            problem=TrackingProblem(problem.reason, problem.message) if problem is not None else None,
            heard=offer.heard,
            keeps_files=self._folder_of is not None,
        )

    def offer(self, key: Key, sweep: Sweep, request: TrackRequest | None) -> None:
        """Replace the previous offer of this Sweep."""
        offer = self._offers.get(key)
        if offer is None or offer.uid != sweep.metadata.uid:
            offer = self._offers[key] = _Offer(sweep.metadata.uid)
        moved = offer.request is not None and request is not None and offer.request.destination != request.destination
        if moved or offer.generation != sweep.metadata.generation:
            self._start_over(offer, request, moved=moved)
        offer.generation = sweep.metadata.generation
        offer.sweep, offer.request = sweep, request
        if request is None:
            offer.problem = None
            return
        open_ = {run.metadata.uid for run in request.runs}
        offer.runs = {uid: news for uid, news in offer.runs.items() if uid in open_}
        offer.retries = {uid: retry for uid, retry in offer.retries.items() if uid in open_}
        self._wake.set()

    def forget(self, key: Key) -> None:
        """Forget a deleted Sweep."""
        self._offers.pop(key, None)

    def failing(self, key: Key) -> bool:
        """Return whether the last parcel of a Sweep failed: waiting for the next one means waiting for W&B."""
        offer = self._offers.get(key)
        return offer is not None and offer.troubles > 0

    def _start_over(self, offer: _Offer, request: TrackRequest | None, *, moved: bool) -> None:
        """The Sweep was edited, which may have fixed the problem."""
        if moved:
            offer.sweep_id = offer.url = offer.entity = None
        offer.problem, offer.troubles = None, 0
        offer.retries.clear()
        if request is not None:
            self._projects.pop(request.destination, None)

    # -- the work ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._wake.clear()
            key, wait = self._next()
            if key is not None:
                try:
                    await self._deliver(key)
                except Exception:  # a defect must not end all deliveries
                    log.exception("%s/%s: delivery failed", *key)
                    self._fail(key, Trouble(reason="Unexpected", message="see the operator's log", permanent=False))
                continue
            await self._rest(wait)

    async def close(self) -> None:
        """End the child."""
        await self._child.close()

    async def _rest(self, wait: float | None) -> None:
        """Until there is something to do; a child that idles is ended meanwhile."""
        long = wait is None or wait > IDLE_SECONDS
        seconds = IDLE_SECONDS if long and self._child.running else wait
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            if long:
                await self._child.close()

    def _next(self) -> tuple[Key | None, float | None]:
        """The Sweep whose turn it is; else the seconds until one may be served (None: there is none)."""
        now, waits = self._clock(), []
        for key in sorted(self._offers, key=lambda k: self._offers[k].served):
            offer = self._offers[key]
            if offer.request is None or not self._has_work(offer):
                continue
            wait = self._wait(offer, offer.request, now)
            if wait <= 0:
                return key, 0.0
            waits.append(wait)
        return None, min(waits, default=None)

    def _has_work(self, offer: _Offer) -> bool:
        request = offer.request
        assert request is not None
        if any(_open(offer, run) for run in request.runs):
            return True
        return not request.offline and request.sweep_id is None and offer.sweep_id is None

    def _wait(self, offer: _Offer, request: TrackRequest, now: float) -> float:
        there = request.destination
        if not request.offline:
            tried = (self._servers.get(there.base_url), self._projects.get(there))
            blocked = max((retry.wait(now) for retry in tried if retry is not None), default=0.0)
            if blocked > 0:
                return blocked
        open_ = [run for run in request.runs if _open(offer, run)]
        if not open_:
            return 0.0
        first = min(_retry(offer, run).wait(now) for run in open_)
        rate = 0.0 if request.offline else self._rate(there).wait(min(len(open_), WORTH_A_PARCEL))
        return max(first, rate)

    def _rate(self, there: Destination) -> TokenBucket:
        per_minute = self._config.wandb_runs_per_minute
        new = TokenBucket(per_minute / 60, max(1.0, per_minute / 4), clock=self._clock)
        return self._rates.setdefault(there, new)

    def _chosen(self, offer: _Offer, request: TrackRequest, now: float) -> list[SweepRun]:
        """Those that have failed least come first: one that hangs does not keep the others back."""
        most = MAX_PARCEL if request.offline else min(MAX_PARCEL, self._rate(request.destination).available())
        ready = [run for run in request.runs if _open(offer, run) and _retry(offer, run).wait(now) <= 0]
        ready.sort(key=lambda run: _retry(offer, run).failures)
        return ready[:most]

    async def _deliver(self, key: Key) -> None:
        offer, now = self._offers[key], self._clock()
        request, sweep = offer.request, offer.sweep
        assert request is not None
        assert sweep is not None
        offer.served = now
        runs = self._chosen(offer, request, now)
        if not request.offline:
            self._rate(request.destination).take(len(runs))
        parcel = self._parcel(sweep, request, offer, runs)
        uids = {card.id: card.uid for card in parcel.runs}
        whole: Trouble | None = None
        last: Trouble | None = None
        delivered = 0
        try:
            async for line in self._child.deliver(request.destination.base_url, parcel):
                if line.kind == "trouble" and line.run is None:
                    whole = line.trouble
                    continue
                if not _about(offer, request):
                    continue  # edited meanwhile: this is about another place
                self._note(key, offer, line, uids)
                delivered += line.kind == "delivered"
                if line.trouble is not None and not line.trouble.permanent:
                    last = line.trouble
        except ChildGone as error:
            whole = Trouble(reason="Unreachable", message=f"W&B: {error}; retrying", permanent=False)
            if error.run is not None and error.run in uids:
                self._delay(offer, uids[error.run], whole)
        if self._offers.get(key) is not offer or not _about(offer, request):
            return
        if whole is None and delivered == 0:
            whole = last  # each run by itself, but all of them
        if whole is not None:
            self._fail(key, whole)
        else:
            self._succeed(key, request)

    def _parcel(self, sweep: Sweep, request: TrackRequest, offer: _Offer, runs: Sequence[SweepRun]) -> Parcel:
        folder = self._folder_of(sweep) if request.offline and self._folder_of is not None else None
        return Parcel(
            entity=request.destination.entity,
            project=request.destination.project,
            group=sweep.display_name,
            sweep=sweep_card(sweep, offer.sweep_id or request.sweep_id),
            runs=[run_card(sweep, run) for run in runs],
            patience=self._patience,
            folder=str(folder) if folder is not None else None,
        )

    # -- results ---------------------------------------------------------------------------------------------------

    def _note(self, key: Key, offer: _Offer, line: Line, uids: dict[str, str]) -> None:
        uid = uids.get(line.run or "")
        if line.kind == "sweep":
            offer.sweep_id, offer.url, offer.entity = line.sweep_id, line.url, line.entity
            self.on_news(key)
        elif line.kind == "delivered" and uid is not None:
            state = "Offline" if offer.request is not None and offer.request.offline else "Delivered"
            found = RunTracking.model_validate({"state": state, "run_id": line.run, "url": line.url})
            offer.runs[uid] = found
            offer.retries.pop(uid, None)
        elif line.kind == "trouble" and uid is not None and line.trouble is not None:
            self._delay(offer, uid, line.trouble)
            if line.trouble.permanent:
                offer.runs[uid] = RunTracking(state="Refused", run_id=line.run, error=line.trouble.message[:512])

    def _delay(self, offer: _Offer, uid: str, trouble: Trouble) -> None:
        offer.retries.setdefault(uid, Retry()).failed(self._clock(), permanent=trouble.permanent)

    def _fail(self, key: Key, trouble: Trouble) -> None:
        """Delay every delivery to the same project or server."""
        offer = self._offers.get(key)
        if offer is None or offer.request is None:
            return
        there, now = offer.request.destination, self._clock()
        retry = (
            self._projects.setdefault(there, Retry())
            if trouble.permanent
            else self._servers.setdefault(there.base_url, Retry())
        )
        retry.failed(now, permanent=trouble.permanent)
        offer.troubles += 1
        log.warning("%s/%s: not delivered: %s: %s", *key, trouble.reason, trouble.message)
        if trouble.permanent or offer.troubles >= REPORTED_AFTER:
            offer.heard = True
            if offer.problem is None or offer.problem.reason != trouble.reason:  # the words vary, the status need not
                offer.problem = trouble
        self.on_news(key)

    def _succeed(self, key: Key, request: TrackRequest) -> None:
        offer = self._offers[key]
        self._servers.pop(request.destination.base_url, None)
        self._projects.pop(request.destination, None)
        offer.problem, offer.troubles, offer.heard = None, 0, True
        self.on_news(key)


def patience_within(run_seconds: float) -> Patience:
    """The SDK gives up by itself before the process is killed for its sake."""
    return Patience(request=run_seconds / 6, open=run_seconds / 3, finish=run_seconds / 3)


def _about(offer: _Offer, request: TrackRequest) -> bool:
    """Whether what is wanted still lies where ``request`` goes."""
    now = offer.request
    return now is not None and (now.destination, now.offline) == (request.destination, request.offline)


_NEVER_TRIED = Retry()


def _retry(offer: _Offer, run: SweepRun) -> Retry:
    return offer.retries.get(run.metadata.uid, _NEVER_TRIED)


def _open(offer: _Offer, run: SweepRun) -> bool:
    """Whether there is something to do for it: what is delivered is only waiting for its status to say so."""
    news = offer.runs.get(run.metadata.uid)
    return news is None or news.state == "Refused"
