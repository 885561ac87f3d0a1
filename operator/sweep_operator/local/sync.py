"""Delivers what a stored sweep has finished: after mode offline, or when W&B was out of reach while it ran."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sweep_operator.api.errors import parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition, with_condition
from sweep_operator.api.sweep import Sweep, Tracking, Wandb
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.tracking import Barred, destination
from sweep_operator.decide.tracking import TRACKING_SYNCED, Tracked, TrackingReport, news_of, track
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind, Kube, Object
from sweep_operator.local.admission import admit
from sweep_operator.local.config_file import write_config
from sweep_operator.local.tracking import with_own_account
from sweep_operator.tracking.delivery.outbox import Outbox
from sweep_operator.tracking.delivery.process import DeliveryChild

Say = Callable[[int, int], None]
"""(runs that W&B has, finished runs)"""


@dataclass(frozen=True)
class Outcome:
    """How far it came."""

    delivered: int
    missing: int
    url: str | None
    problem: str | None
    """Why something is missing."""


async def sync(
    state: Path,
    *,
    project: str | None = None,
    entity: str | None = None,
    say: Say = lambda delivered, of: None,
    config: OperatorConfig | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Outcome:
    """Deliver until everything is there or W&B does not take it. Raises StoreLocked while the sweep runs.

    ``project``, ``entity``: in place of the Sweep's own; needed where it has none. Raises LookupError for another
    project than the one that has runs of it already.
    """
    kube = EmbeddedKube(state, clock=lambda: datetime.now(UTC), admission=admit)
    try:
        obj = (await kube.list(Kind.SWEEP)).items[0]
        runs = [parse(SweepRun, o) for o in (await kube.list(Kind.SWEEP_RUN)).items]
        _check_place(parse(Sweep, obj), sum(r.delivered for r in runs), project, entity)
        settings = with_own_account(config or OperatorConfig(), environ)
        return await _Sync(kube, obj, settings, state.parent, project, entity, say, environ).work()
    finally:
        kube.close()


class _Sync:
    def __init__(
        self,
        kube: Kube,
        sweep: Object,
        config: OperatorConfig,
        directory: Path,
        project: str | None,
        entity: str | None,
        say: Say,
        environ: Mapping[str, str],
    ) -> None:
        self._kube, self._config, self._directory = kube, config, directory
        self._key = (sweep["metadata"]["namespace"], sweep["metadata"]["name"])
        self._project, self._entity, self._say = project, entity, say
        self._news = asyncio.Event()
        child = DeliveryChild(run_seconds=config.wandb_run_seconds, environ=environ)
        self._outbox = Outbox(child, config, on_news=lambda key: self._news.set())

    async def work(self) -> Outcome:
        task = asyncio.create_task(self._outbox.run())
        try:
            while (outcome := await self._look()) is None:
                await self._news.wait()
            return outcome
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._outbox.close()

    async def _look(self) -> Outcome | None:
        """Write down what has arrived, offer the rest. None: wait for more."""
        self._news.clear()
        sweep = online(parse(Sweep, await self._kube.get(Kind.SWEEP, *self._key)), self._project, self._entity)
        report = self._outbox.report(self._key, sweep.metadata.uid)
        runs = [await self._noted(o, report) for o in (await self._kube.list(Kind.SWEEP_RUN, self._key[0])).items]
        # No process of this sweep lives: its state could not be opened for writing.
        tracked = track(sweep, runs, lambda run: False, report, self._config, over=True)
        await self._write(sweep, tracked)
        ended = [r for r in runs if r.terminal and not r.imported]
        delivered = sum(r.delivered for r in ended)
        self._say(delivered, len(ended))
        url = tracked.status.url if tracked.status is not None else None
        problem, left = _against(report, [r for r in ended if not r.delivered]), len(ended) - delivered
        if isinstance(there := destination(sweep, self._config), Barred):
            problem = there.message
        if left == 0 or tracked.request is None or problem is not None:
            return Outcome(delivered, left, url, problem)
        self._outbox.offer(self._key, sweep, tracked.request)
        return None

    async def _noted(self, obj: Object, report: TrackingReport) -> SweepRun:
        run = parse(SweepRun, obj)
        news = news_of(run, report)
        if news is None:
            return run
        status = run.status.with_(tracking=news)
        return parse(SweepRun, await self._kube.update_status(Kind.SWEEP_RUN, {**obj, "status": status.to_json()}))

    async def _write(self, sweep: Sweep, tracked: Tracked) -> None:
        """Only what is about tracking; the spec stays as it is."""
        obj = await self._kube.get(Kind.SWEEP, *self._key)
        status = parse(Sweep, obj).status.with_(tracking=tracked.status)
        if (found := tracked.condition) is not None:
            condition = Condition(
                type=TRACKING_SYNCED,
                status=found.status,
                reason=found.reason,
                message=found.message[:2048],
                last_transition_time=datetime.now(UTC),
                observed_generation=sweep.metadata.generation,
            )
            status = status.with_(conditions=with_condition(status.conditions, condition))
        written = await self._kube.update_status(Kind.SWEEP, {**obj, "status": status.to_json()})
        write_config(self._directory, parse(Sweep, written))


def _against(report: TrackingReport, missing: Sequence[SweepRun]) -> str | None:
    """Why no more will come; None: it may."""
    if report.problem is not None:
        return report.problem.message
    refused = [report.runs.get(run.metadata.uid) for run in missing]
    if missing and all(news is not None and news.state == "Refused" for news in refused):
        return "; ".join(sorted({news.error or "" for news in refused if news is not None}))
    return None


def _check_place(sweep: Sweep, delivered: int, project: str | None, entity: str | None) -> None:
    was = sweep.status.tracking
    if was is None or delivered == 0:
        return
    if (project or was.project, entity or was.entity) != (was.project, was.entity):
        place = f"{was.entity}/{was.project}" if was.entity else was.project
        noun = "run is" if delivered == 1 else "runs are"
        text = f"{delivered} {noun} in {place} already, and each is delivered once; leave out --project and --entity"
        raise LookupError(f"{sweep.display_name}: {text}")


def online(sweep: Sweep, project: str | None, entity: str | None) -> Sweep:
    """The Sweep as if its mode were online.

    Raises LookupError where it names no project and none is given, InvalidObject for a name that W&B cannot have.
    """
    known = sweep.spec.tracking.wandb
    if known is None and project is None:
        raise LookupError(f"{sweep.display_name}: has no spec.tracking.wandb; name the project by --project")
    wandb = (known or Wandb()).with_(mode="online")
    wandb = wandb.with_(project=project or wandb.project, entity=entity or wandb.entity)
    body = sweep.with_(spec=sweep.spec.with_(tracking=Tracking(wandb=wandb))).to_json()
    return parse(Sweep, body)
