"""The outbox: delivers what reconcile passes offer, one parcel at a time, in a child process.

No pass waits for it. A pass leaves an offer and reads a report; the outbox wakes the Sweep's next pass when there is
news. All of its state can be lost: a delivered run says so in its SweepRun, and W&B is read before anything is sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.cost import of_training
from sweep_operator.decide.plan import TrackRequest
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.engine.full_reports import FullReports
from sweep_operator.tracking.delivery.content import run_card, sweep_card
from sweep_operator.tracking.delivery.messages import Parcel, Patience, Trouble
from sweep_operator.tracking.delivery.offer import Offer
from sweep_operator.tracking.delivery.process import ChildGone, DeliveryChild
from sweep_operator.tracking.delivery.schedule import Schedule

log = logging.getLogger(__name__)
Key = tuple[str, str]
"""(namespace, name) of a Sweep."""
IDLE_SECONDS = 60.0
"""A child that has been idle for so long is ended: it uses 100 MB."""


class Outbox:
    """The engine's Tracker. ``run`` never returns; ``close`` ends the child."""

    def __init__(
        self,
        child: DeliveryChild,
        config: OperatorConfig,
        *,
        on_news: Callable[[Key], None] = lambda key: None,
        folder_of: Callable[[Sweep], Path] | None = None,
        reports: FullReports | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_news``: wakes a Sweep's next pass. ``folder_of``: where mode offline writes (None: not supported).

        ``reports``: all reports of the runs. None: the tracker gets the points in their statuses.
        """
        self.on_news = on_news
        self._child, self._config, self._folder_of, self._reports = child, config, folder_of, reports
        self._patience, self._clock = patience or patience_within(config.wandb_run_seconds), clock
        self._schedule = Schedule(config.wandb_runs_per_minute, clock)
        self._offers: dict[Key, Offer] = {}
        self._wake = asyncio.Event()

    # -- the Tracker ------------------------------------------------------------------------------------------------

    def report(self, key: Key, uid: str) -> TrackingReport:
        """Return what is known about the Sweep's deliveries."""
        offer, keeps_files = self._offers.get(key), self._folder_of is not None
        if offer is None or offer.sweep.metadata.uid != uid:
            return TrackingReport(keeps_files=keeps_files)
        return offer.report(keeps_files=keeps_files)

    def offer(self, key: Key, sweep: Sweep, request: TrackRequest | None) -> None:
        """Replace the previous offer of this Sweep."""
        offer = self._offers.get(key)
        if offer is None or offer.sweep.metadata.uid != sweep.metadata.uid:
            offer = self._offers[key] = Offer(sweep)
        if offer.replace(sweep, request) and request is not None:
            self._schedule.fixed(request.destination)
        if request is not None:
            self._wake.set()

    def forget(self, key: Key) -> None:
        """Forget a deleted Sweep."""
        self._offers.pop(key, None)

    def failing(self, key: Key, seconds: float = 0.0) -> bool:
        """Return whether deliveries have failed for so long, or permanently: waiting means waiting for W&B."""
        offer = self._offers.get(key)
        if offer is None or offer.latest is None:
            return False
        return offer.latest.permanent or self._clock() - offer.failing_since >= seconds

    # -- deliveries -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until canceled."""
        while True:
            self._wake.clear()
            key, wait = self._next()
            if key is None:
                await self._rest(wait)
                continue
            try:
                await self._deliver(key)
            except Exception:  # a defect must not end all deliveries
                log.exception("%s/%s: delivery failed", *key)
                self._fail(key, Trouble(reason="Unexpected", message="see the operator's log", permanent=False))

    async def close(self) -> None:
        """End the child."""
        await self._child.close()

    async def _rest(self, wait: float | None) -> None:
        """Wait until there is something to do. An idle child is ended meanwhile."""
        long = wait is None or wait > IDLE_SECONDS
        seconds = IDLE_SECONDS if long and self._child.running else wait
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            if long:
                await self._child.close()

    def _next(self) -> tuple[Key | None, float | None]:
        """The Sweep to serve now; else the seconds until one may be served (None: none waits)."""
        waits = []
        for key, offer in sorted(self._offers.items(), key=lambda item: item[1].served):
            if offer.request is None or not offer.has_work():
                continue
            wait = self._schedule.wait(offer, offer.request)
            if wait <= 0:
                return key, 0.0
            waits.append(wait)
        return None, min(waits, default=None)

    async def _deliver(self, key: Key) -> None:
        offer = self._offers[key]
        request = offer.request
        assert request is not None
        offer.served = self._clock()
        runs = self._schedule.take(offer, request)
        parcel = await self._parcel(offer, request, runs)
        uids = {card.id: card.uid for card in parcel.runs}
        whole: Trouble | None = None
        last: Trouble | None = None
        delivered = 0
        try:
            async for line in self._child.deliver(request.destination.base_url, parcel):
                if line.kind == "trouble" and line.run is None:
                    whole = line.trouble
                    continue
                if not offer.goes_to(request):
                    continue  # edited meanwhile: this is about the old destination
                offer.note(line, uids, self._clock())
                if line.kind == "sweep":
                    self.on_news(key)
                delivered += line.kind == "delivered"
                if line.trouble is not None and not line.trouble.permanent:
                    last = line.trouble
        except ChildGone as error:
            whole = Trouble(reason="Unreachable", message=f"W&B: {error}; retrying", permanent=False)
            if error.run is not None and error.run in uids:
                offer.delay(uids[error.run], whole, self._clock())
        if self._offers.get(key) is not offer or not offer.goes_to(request):
            return
        self._forget_reports(offer, runs)
        if whole is None and delivered == 0:
            whole = last  # every run failed
        if whole is not None:
            self._fail(key, whole)
            return
        self._schedule.succeed(request.destination)
        offer.succeed()
        self.on_news(key)

    def _forget_reports(self, offer: Offer, runs: Sequence[SweepRun]) -> None:
        """Delete the files of the runs that were delivered. In mode offline, they are delivered later."""
        for run in runs:
            news = offer.runs.get(run.metadata.uid)
            if self._reports is not None and news is not None and news.state == "Delivered":
                self._reports.forget(offer.sweep, run)

    async def _parcel(self, offer: Offer, request: TrackRequest, runs: Sequence[SweepRun]) -> Parcel:
        sweep, written = offer.sweep, offer.written
        rate = of_training(sweep, RunTemplate.of(sweep), self._config, 1.0)
        cards = [
            run_card(
                sweep,
                run,
                reports=await self._reports.find(sweep, run) if self._reports is not None else (),
                cost_per_second=rate,
            ).with_(written=run.metadata.uid in written)
            for run in runs
        ]
        folder = self._folder_of(sweep) if request.offline and self._folder_of is not None else None
        return Parcel(
            entity=request.destination.entity,
            project=request.destination.project,
            group=sweep.display_name,
            sweep=sweep_card(sweep, offer.sweep_id or request.sweep_id),
            runs=cards,
            patience=self._patience,
            folder=str(folder) if folder is not None else None,
        )

    def _fail(self, key: Key, trouble: Trouble) -> None:
        """Delay every delivery to the same project or server."""
        offer = self._offers.get(key)
        if offer is None or offer.request is None:
            return
        self._schedule.fail(offer.request.destination, trouble)
        log.warning("%s/%s: not delivered: %s: %s", *key, trouble.reason, trouble.message)
        offer.fail(trouble, self._clock())
        self.on_news(key)


def patience_within(run_seconds: float) -> Patience:
    """Time limits at which the SDK gives up before the process is killed."""
    third = run_seconds / 3
    return Patience(request=third / 2, open=third, finish=third, read_back=third)
