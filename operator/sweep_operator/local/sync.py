"""Deliver the finished runs of a stored sweep to W&B, after mode offline or after W&B was unreachable."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sweep_operator.api.errors import parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition, with_condition
from sweep_operator.api.stored import read, with_status
from sweep_operator.api.sweep import Sweep, Tracking, Wandb
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.tracking import NotAllowed, destination
from sweep_operator.decide.tracking import (
    TRACKING_SYNCED,
    EndedRuns,
    Tracked,
    TrackingReport,
    is_undelivered,
    news_of,
    track,
)
from sweep_operator.engine.full_reports import FullReports
from sweep_operator.engine.report_files import FOLDER, ReportFiles
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind, Kube, Object
from sweep_operator.local.admission import admit
from sweep_operator.local.config_file import write_config
from sweep_operator.local.tracking import with_own_account
from sweep_operator.tracking.delivery.outbox import Outbox
from sweep_operator.tracking.delivery.process import DeliveryChild

Say = Callable[[int, int], None]
"""Progress callback. Arguments: number of delivered runs, number of finished runs."""


@dataclass(frozen=True)
class SyncResult:
    """Numbers of delivered and missing runs."""

    delivered: int
    missing: int
    url: str | None
    problem: str | None
    """Why runs are missing."""


@dataclass(frozen=True)
class _Target:
    """Project and entity that replace those of the Sweep. None: keep the Sweep's own."""

    project: str | None
    entity: str | None


async def sync(
    state: Path,
    *,
    project: str | None = None,
    entity: str | None = None,
    say: Say = lambda delivered, of: None,
    config: OperatorConfig | None = None,
    environ: Mapping[str, str] = os.environ,
) -> SyncResult:
    """Deliver until W&B has all runs or rejects the rest. Raises StoreLocked while the sweep is running.

    ``project`` and ``entity`` replace those of the Sweep and are required if it has none. Raises LookupError if another
    project already has runs of this sweep.
    """
    with closing(EmbeddedKube(state, clock=lambda: datetime.now(UTC), admission=admit)) as kube:
        obj = (await kube.list(Kind.SWEEP)).items[0]
        runs = [read(SweepRun, o) for o in (await kube.list(Kind.SWEEP_RUN)).items]
        target = _Target(project, entity)
        _check_target(read(Sweep, obj), sum(r.delivered for r in runs), target)
        settings = with_own_account(config or OperatorConfig(), environ)
        child = DeliveryChild(run_seconds=settings.wandb_run_seconds, environ=environ)
        return await _Sync(kube, obj, settings, state.parent, target, say, child).work()


class _Sync:
    def __init__(
        self,
        kube: Kube,
        sweep: Object,
        config: OperatorConfig,
        directory: Path,
        target: _Target,
        say: Say,
        child: DeliveryChild,
    ) -> None:
        self._kube, self._config, self._directory = kube, config, directory
        self._key = (sweep["metadata"]["namespace"], sweep["metadata"]["name"])
        self._target, self._say = target, say
        self._news = asyncio.Event()
        reports = FullReports(ReportFiles(directory / FOLDER))
        self._outbox = Outbox(child, config, on_news=lambda key: self._news.set(), reports=reports)

    async def work(self) -> SyncResult:
        task = asyncio.create_task(self._outbox.run())
        try:
            while (result := await self._step()) is None:
                await self._news.wait()
            return result
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._outbox.close()

    async def _step(self) -> SyncResult | None:
        """Record the delivered runs and offer the others. None: deliveries are still in progress."""
        self._news.clear()
        sweep = _online(read(Sweep, await self._kube.get(Kind.SWEEP, *self._key)), self._target)
        report = self._outbox.report(self._key, sweep.metadata.uid)
        runs = [await self._recorded(o, report) for o in (await self._kube.list(Kind.SWEEP_RUN, self._key[0])).items]
        # No process of this sweep is running: otherwise its state could not have been opened for writing.
        count, open_ = sum(r.terminal and not r.imported for r in runs), tuple(filter(is_undelivered, runs))
        delivered = count - len(open_)
        ended = EndedRuns(count, delivered, open_)
        tracked = track(ended, (), sweep, report, self._config, over=True)
        await self._write(sweep, tracked)
        self._say(delivered, count)
        url = tracked.status.url if tracked.status is not None else None
        problem, missing = _obstacle(report, open_), len(open_)
        if isinstance(target := destination(sweep, self._config), NotAllowed):
            problem = target.message
        if missing == 0 or tracked.request is None or problem is not None:
            return SyncResult(delivered, missing, url, problem)
        self._outbox.offer(self._key, sweep, tracked.request)
        return None

    async def _recorded(self, obj: Object, report: TrackingReport) -> SweepRun:
        run = read(SweepRun, obj)
        news = news_of(run, report)
        if news is None:
            return run
        status = run.status.with_(tracking=news)
        return read(SweepRun, await self._kube.update_status(Kind.SWEEP_RUN, with_status(obj, status)))

    async def _write(self, sweep: Sweep, tracked: Tracked) -> None:
        """Write the tracking fields of the status only. The stored spec keeps its mode."""
        obj = await self._kube.get(Kind.SWEEP, *self._key)
        status = read(Sweep, obj).status.with_(tracking=tracked.status)
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
        written = await self._kube.update_status(Kind.SWEEP, with_status(obj, status))
        write_config(self._directory, read(Sweep, written))


def _obstacle(report: TrackingReport, missing: Sequence[SweepRun]) -> str | None:
    """Return why no further run can be delivered. None: deliveries may still succeed."""
    if report.problem is not None:
        return report.problem.message
    refused = [report.runs.get(run.metadata.uid) for run in missing]
    if missing and all(news is not None and news.state == "Refused" for news in refused):
        return "; ".join(sorted({news.error or "" for news in refused if news is not None}))
    return None


def _check_target(sweep: Sweep, delivered: int, target: _Target) -> None:
    used = sweep.status.tracking
    if used is None or delivered == 0:
        return
    if (target.project or used.project, target.entity or used.entity) != (used.project, used.entity):
        place = f"{used.entity}/{used.project}" if used.entity else used.project
        noun = "run is" if delivered == 1 else "runs are"
        text = f"{delivered} {noun} already in {place}, and runs are delivered only once; omit --project and --entity"
        raise LookupError(f"{sweep.display_name}: {text}")


def _online(sweep: Sweep, target: _Target) -> Sweep:
    """Return the Sweep with mode online and the project and entity of ``target``.

    Raises LookupError if there is no project, and InvalidObject if W&B does not allow the name.
    """
    known = sweep.spec.tracking.wandb
    if known is None and target.project is None:
        raise LookupError(f"{sweep.display_name}: spec.tracking.wandb is not set; specify a project with --project")
    wandb = (known or Wandb()).with_(mode="online")
    wandb = wandb.with_(project=target.project or wandb.project, entity=target.entity or wandb.entity)
    body = sweep.with_(spec=sweep.spec.with_(tracking=Tracking(wandb=wandb))).to_json()
    return parse(Sweep, body)  # entity and project are arguments of the command
