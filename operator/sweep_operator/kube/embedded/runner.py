"""The kubelet of local mode: runs the main containers of pods as local processes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import shutil
import socket
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.kube.embedded import status as pod_status
from sweep_operator.kube.embedded.container import Place, build_process, place_of
from sweep_operator.kube.embedded.deletion import DEFAULT_GRACE_SECONDS
from sweep_operator.kube.embedded.memory_limit import exceeds, limit_bytes
from sweep_operator.kube.embedded.process import SupervisedProcess, launch, read_record, until_dead, was_launched
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.embedded.space import DiskFull, Space, disk_full
from sweep_operator.kube.embedded.volumes import ConfigMaps, Unsupported
from sweep_operator.kube.protocol import Conflict, Kind, KubeError, NotFound, Object

log = logging.getLogger(__name__)
MEMORY_INTERVAL = 0.5
STOP_GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL at the end of the session."""


@dataclass
class _Running:
    """One pod with a running process."""

    process: SupervisedProcess
    place: Place
    oom: bool = False
    deadline: bool = False
    deleting: bool = False
    """Whether it is being deleted."""
    stopped: float | None = None
    """When it was stopped because the session ends."""


class Runner:
    """Starts, watches and stops processes; writes pod statuses."""

    def __init__(self, kube: EmbeddedKube, root: Path, space: Space, *, cwd: Path | None = None) -> None:
        self._kube, self._root, self._space, self._cwd = kube, root, space, cwd or Path.cwd()
        self._running: dict[str, _Running] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ports: dict[str, int] = {}
        self._closing, self._disruption = False, pod_status.PROCESS_LOST

    # -- life -------------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Record how the pods of the last `sweep run` ended. A running pod without an exit record is lost."""
        for pod in self._kube.unfinished(Kind.POD).items:
            if pod_has_ended(pod):
                continue
            try:
                place = place_of(pod, self._root)
            except Unsupported:
                continue  # it never started, and run() reports why
            uid = pod["metadata"]["uid"]
            await until_dead(place)
            record = read_record(place, uid)
            if record is not None:
                await self._write(pod, pod_status.ended(record, place, pod))
            elif was_launched(place, uid) or pod_status.started_at(pod) is not None:
                await self._write(pod, pod_status.lost(pod_status.started_at(pod), place, time.time()))
            else:
                continue
            _clear(place)

    async def run(self) -> None:
        """Start and stop pods until canceled."""
        while True:
            listed = self._kube.unfinished(Kind.POD)
            for pod in listed.items:
                self._look_at(pod)
            try:
                async for event in self._kube.watch(Kind.POD, resource_version=listed.resource_version):
                    if event.type != "DELETED":
                        self._look_at(event.object)
                    elif (running := self._running.get(event.object["metadata"]["uid"])) is not None:
                        self._spawn(f"{event.object['metadata']['uid']}/kill", running.process.kill())
            except KubeError as error:
                log.warning("watch of pods ended: %s", error)

    async def stop(self, *, kill: bool) -> None:
        """End every process. Unfinished pods are marked as disrupted, which counts as preempted.

        ``kill``: at once, because the user asks for it.
        """
        self._closing, self._disruption = True, pod_status.STOPPED_BY_USER if kill else pod_status.PROCESS_LOST
        for running in self._running.values():
            await self._stop_one(running, kill=kill)
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_GRACE)
            for running in list(self._running.values()):
                await running.process.kill()
            if late:
                await asyncio.wait(late, timeout=STOP_GRACE)

    # -- one pod ----------------------------------------------------------------------------------------------------

    def _look_at(self, pod: Object) -> None:
        uid, meta = pod["metadata"]["uid"], pod["metadata"]
        deleting = bool(meta.get("deletionTimestamp"))
        grace = meta.get("deletionGracePeriodSeconds")
        if uid in self._tasks:
            running = self._running.get(uid)
            if deleting and running is not None and (not running.deleting or not grace):
                self._spawn(f"{uid}/kill" if running.deleting else f"{uid}/end", self._end(running, float(grace or 0)))
                running.deleting = True
        elif pod_has_ended(pod):
            if deleting and grace:
                self._spawn(f"{uid}/gone", self._confirm_deleted(pod))
        elif deleting:
            self._spawn(uid, self._never_started(pod))
        elif not self._closing and pod_status.started_at(pod) is None:
            self._spawn(uid, self._execute(pod))

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if name in self._tasks:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks[name] = task
        task.add_done_callback(functools.partial(self._forget, name))

    def _forget(self, name: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(name, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("pod %s: %r", name, error, exc_info=error)

    async def _execute(self, pod: Object) -> None:
        uid, meta = pod["metadata"]["uid"], pod["metadata"]
        live = self._kube.peek(Kind.POD, meta["namespace"], meta["name"])
        if live is None or live["metadata"]["uid"] != uid:
            return
        if live["metadata"].get("deletionTimestamp"):
            await self._never_started(live)
            return
        place = await self._prepare(pod)
        if place is not None:
            await self._launch(pod, *place)

    async def _prepare(self, pod: Object) -> tuple[Place, SupervisedProcess] | None:
        """The running process. None: it could not be started, and the status says why."""
        config_map = functools.partial(self._kube.peek, Kind.CONFIG_MAP, pod["metadata"]["namespace"])
        try:
            place = place_of(pod, self._root)
            supervised = await self._started(pod, place, config_map)
        except DiskFull:
            return None  # the session ends; the pod starts in the next one
        except Unsupported as error:
            await self._write(pod, pod_status.start_error(str(error), time.time(), error.reason))
            return None
        except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
            log.exception("pod %s cannot be started", pod["metadata"]["name"])
            await self._write(pod, pod_status.start_error(f"{type(error).__name__}: {error}", time.time()))
            return None
        if supervised is None:
            record = read_record(place, pod["metadata"]["uid"])
            record = record or {"startError": "the supervisor did not start", "finished": time.time()}
            await self._write(pod, pod_status.ended(record, place, pod))
            _clear(place)
            return None
        return place, supervised

    async def _started(self, pod: Object, place: Place, config_map: ConfigMaps) -> SupervisedProcess | None:
        """Launch the process as soon as the disk has space. Raises DiskFull, Unsupported, OSError."""
        while True:
            try:
                place.log.parent.mkdir(parents=True, exist_ok=True)
                await self._space.ready(place.log.parent)
                process = build_process(pod, place, config_map, os.environ, self._cwd, self._port(pod))
                return await launch(process, place, pod["metadata"]["uid"])
            except OSError as error:
                if (full := disk_full(error, place.run_dir)) is None:
                    raise
                await self._space.wait(full)

    async def _launch(self, pod: Object, place: Place, process: SupervisedProcess) -> None:
        uid = pod["metadata"]["uid"]
        running = self._running[uid] = _Running(process, place)
        if self._closing:  # stop() did not know this process
            await self._stop_one(running, kill=False)
        try:
            if await self._write(pod, pod_status.running(process.started)) is None:
                await process.kill()  # the pod was force-deleted while its process started
            watchers = [asyncio.create_task(w) for w in self._watchers(pod, running)]
            await process.wait()
            for watcher in watchers:
                watcher.cancel()
        finally:
            self._running.pop(uid, None)
        await self._report(pod, running)

    def _watchers(self, pod: Object, running: _Running) -> list[Coroutine[Any, Any, None]]:
        watchers: list[Coroutine[Any, Any, None]] = []
        limit = limit_bytes(pod["spec"]["containers"][0])
        if limit is not None:
            watchers.append(self._watch_memory(running, limit))
        deadline = pod["spec"].get("activeDeadlineSeconds")
        if deadline is not None:
            grace = pod["spec"].get("terminationGracePeriodSeconds")
            watchers.append(
                self._watch_deadline(running, float(deadline), DEFAULT_GRACE_SECONDS if grace is None else grace)
            )
        return watchers

    async def _watch_memory(self, running: _Running, limit: int) -> None:
        while True:
            if await asyncio.to_thread(exceeds, running.process.pid, limit):
                break
            await asyncio.sleep(MEMORY_INTERVAL)
        running.oom = True
        await running.process.kill()

    async def _watch_deadline(self, running: _Running, seconds: float, grace: float) -> None:
        await asyncio.sleep(seconds)
        running.deadline = True
        await self._end(running, grace)

    async def _end(self, running: _Running, grace: float) -> None:
        if grace > 0:
            await running.process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await running.process.wait()
        await running.process.kill()

    async def _stop_one(self, running: _Running, *, kill: bool) -> None:
        running.stopped = time.time()
        await (running.process.kill() if kill else running.process.terminate())

    async def _report(self, pod: Object, running: _Running) -> None:
        place = running.place
        record = read_record(place, pod["metadata"]["uid"]) or await running.process.told()
        if record is None:
            status = pod_status.lost(running.process.started, place, time.time(), self._disruption)
        else:
            status = pod_status.ended(record, place, pod, oom=running.oom, deadline=running.deadline)
            if running.stopped is not None and record["finished"] >= running.stopped and not running.oom:
                status["conditions"] = [self._disruption]
        written = await self._write(pod, status)
        _clear(place)
        if written is not None and written["metadata"].get("deletionTimestamp"):
            await self._confirm_deleted(written)

    async def _never_started(self, pod: Object) -> None:
        status = {"phase": "Failed", "reason": "Deleted", "message": "deleted before its process started"}
        written = await self._write(pod, status)
        if written is not None:
            await self._confirm_deleted(written)

    async def _confirm_deleted(self, pod: Object) -> None:
        """The process has ended: the API server deletes the pod when its finalizers are removed."""
        meta = pod["metadata"]
        with contextlib.suppress(NotFound, Conflict):
            await self._kube.delete(Kind.POD, meta["namespace"], meta["name"], uid=meta["uid"], grace_seconds=0)

    async def _write(self, pod: Object, status: Object) -> Object | None:
        """Set the status, even if the pod has changed meanwhile. None: the pod was deleted."""
        meta = pod["metadata"]
        while True:
            try:
                live = await self._kube.get(Kind.POD, meta["namespace"], meta["name"])
                if live["metadata"]["uid"] != meta["uid"]:
                    return None
                return await self._kube.update_status(Kind.POD, {**live, "status": status})
            except NotFound:
                return None
            except Conflict:
                continue
            except DiskFull:
                return None  # the session ends; the next one reads the exit record
            except KubeError as error:
                log.warning("status of pod %s: %s", meta["name"], error)
                await asyncio.sleep(0.5)

    def _port(self, pod: Mapping[str, Any]) -> int:
        """One free port per Job."""
        owner = next((o["uid"] for o in pod["metadata"].get("ownerReferences") or []), pod["metadata"]["uid"])
        if owner not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[owner] = int(probe.getsockname()[1])
        return self._ports[owner]


def _clear(place: Place) -> None:
    """Delete the files that only a running pod needs."""
    place.spec.unlink(missing_ok=True)
    place.reserved.unlink(missing_ok=True)
    place.lock.unlink(missing_ok=True)
    shutil.rmtree(place.scratch, ignore_errors=True)
    with contextlib.suppress(OSError):
        place.scratch.parent.rmdir()
