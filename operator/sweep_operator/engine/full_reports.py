"""Every report of finished runs, for their delivery: from the files, and otherwise from the logs, once more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set
from pathlib import Path

from sweep_operator.api.names import RUN_LABEL, STAGE_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.decide.attempt import LogFollow
from sweep_operator.decide.observed import view_pod
from sweep_operator.decide.reports import log_to_follow
from sweep_operator.domain.revisions import revision_name
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.engine.report_reader import WHOLE_BYTES, WHOLE_PARTS, ReportReader
from sweep_operator.kube.protocol import Kind, Kube
from sweep_operator.manifests.revision import read_revision
from sweep_operator.pacing import TokenBucket
from sweep_operator.sandbox.tasks import Evaluator

log = logging.getLogger(__name__)

RATE = 4.0
"""Requests per second, besides those for the logs of running containers."""
SECONDS = 60.0
"""Time limit of one run."""


class FullReports:
    """The reports of finished runs. A log is a best-effort source: no delivery fails because of it."""

    def __init__(self, files: ReportFiles, kube: Kube | None = None, evaluator: Evaluator | None = None) -> None:
        """``kube`` and ``evaluator``: to read logs again. None: the files are all there is."""
        self._files, self._kube, self._evaluator = files, kube, evaluator
        self._bucket = TokenBucket(RATE, RATE)
        self._tried: set[str] = set()
        """Uids of pods whose logs were looked for."""

    async def find(self, sweep: Sweep, run: SweepRun) -> list[Path]:
        """The files with the reports of a run."""
        pods = _pods(sweep, run)
        missing = {pod for pod in pods if not self._files.whole(pod)} - self._tried
        if missing and self._kube is not None and self._evaluator is not None:
            self._tried |= missing
            try:
                async with asyncio.timeout(SECONDS):
                    for follow in await self._logs(self._kube, sweep, run, missing):
                        await self._read(self._kube, self._evaluator, run.metadata.namespace, follow)
            except Exception as error:  # the points of the status are delivered
                log.warning("%s: cannot read all of its reports: %s", run.name, error or type(error).__name__)
        return self._files.find(pods)

    def forget(self, sweep: Sweep, run: SweepRun) -> None:
        """Delete the files of a run that was delivered."""
        pods = _pods(sweep, run)
        self._files.remove(pods)
        self._tried.difference_update(pods)

    async def _logs(self, kube: Kube, sweep: Sweep, run: SweepRun, pods: Set[str]) -> list[LogFollow]:
        """The logs of those pods that still exist."""
        namespace, stage = run.metadata.namespace, _stage(sweep)
        name = revision_name(sweep.name, run.status.template_hash or "")
        template = read_revision(await kube.get(Kind.REVISION, namespace, name))
        labels = {RUN_LABEL: run.name, STAGE_LABEL: stage}
        views = map(view_pod, (await kube.list(Kind.POD, namespace, labels=labels)).items)
        known = [pod for pod in views if pod is not None and pod.uid in pods and pod.rank == 0]
        follows = (log_to_follow(run.status, stage, template, pod, sweep, last=True) for pod in known)
        return [follow for follow in follows if follow is not None]

    async def _read(self, kube: Kube, evaluator: Evaluator, namespace: str, follow: LogFollow) -> None:
        """Read a log. Of one that has more than WHOLE_PARTS, the beginning is read."""
        reader = ReportReader(kube, evaluator, namespace, follow, self._files)
        for _ in range(WHOLE_PARTS):
            await self._bucket.acquire()
            known = reader.position
            part = await reader.part(known, WHOLE_BYTES)
            await reader.find(part)
            if part.position == known or not part.more:
                return


def _stage(sweep: Sweep) -> Stage:
    """The stage whose reports are the learning curve."""
    return "train" if sweep.spec.train.reports is not None else "eval"


def _pods(sweep: Sweep, run: SweepRun) -> list[str]:
    """Uids of the pods that may have reported."""
    attempts = run.status.stage(_stage(sweep)).attempts if run.status.curve else ()
    return [attempt.pod_uid for attempt in attempts if attempt.pod_uid is not None]
