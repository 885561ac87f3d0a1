"""The kubelet of local mode: runs the main containers of pods as local processes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sweep_operator.kube.embedded import status as pod_status
from sweep_operator.kube.embedded.container import Place, build_process, place_of
from sweep_operator.kube.embedded.memory_limit import limit_bytes, tree_bytes
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.embedded.volumes import NoLocalMeaning, write_atomically
from sweep_operator.kube.protocol import Conflict, Kind, KubeError, NotFound, Object

log = logging.getLogger(__name__)
SUPERVISOR = Path(__file__).with_name("supervisor.py")
ORPHAN_GRACE = 2.0
"""Seconds that processes get when `sweep run` has died."""
MEMORY_INTERVAL = 0.5


@dataclass
class _Running:
    """One pod whose supervisor lives."""

    process: asyncio.subprocess.Process
    place: Place
    pid: int
    started: float
    oom: bool = False
    deadline: bool = False
    told: bool = False
    """SIGTERM was sent."""


class Runner:
    """Starts, watches and ends processes; writes pod statuses."""

    def __init__(self, kube: EmbeddedKube, root: Path, *, cwd: Path | None = None) -> None:
        self._kube, self._root, self._cwd = kube, root, cwd or Path.cwd()
        self._running: dict[str, _Running] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ports: dict[str, int] = {}
        self._closing = False

    # -- life -------------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Pods that were running when the last process died: read how they ended, or call them lost."""
        for pod in (await self._kube.list(Kind.POD)).items:
            phase = (pod.get("status") or {}).get("phase") or "Pending"
            if phase in ("Succeeded", "Failed"):
                continue
            place = place_of(pod, self._root)
            await _until_dead(place)
            record = _read_record(place, pod["metadata"]["uid"])
            if record is not None:
                await self._write(pod, pod_status.ended(record, place))
            elif phase == "Running" or place.spec.exists():
                await self._write(pod, pod_status.lost(_started_at(pod), place, time.time()))

    async def run(self) -> None:
        """Start what is to be started, end what is to be ended. Cancelled from outside."""
        version = (await self._kube.list(Kind.POD)).resource_version
        for pod in (await self._kube.list(Kind.POD)).items:
            self._look_at(pod)
        async for event in self._kube.watch(Kind.POD, resource_version=version):
            if event.type != "DELETED":
                self._look_at(event.object)

    async def stop(self, *, kill: bool) -> None:
        """End every process; those that had not finished are lost (they count as preempted)."""
        self._closing = True
        for running in self._running.values():
            await _tell(running, b"K" if kill else b"T")
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=10)
            for running in list(self._running.values()):
                await _tell(running, b"K")
            if late:
                await asyncio.wait(late, timeout=10)

    # -- one pod ----------------------------------------------------------------------------------------------------

    def _look_at(self, pod: Object) -> None:
        uid, meta = pod["metadata"]["uid"], pod["metadata"]
        phase = (pod.get("status") or {}).get("phase") or "Pending"
        deleting = bool(meta.get("deletionTimestamp"))
        if uid in self._tasks:
            running = self._running.get(uid)
            if deleting and running is not None and not running.told:
                running.told = True
                self._spawn(f"{uid}/end", self._end_gracefully(running, meta))
        elif phase in ("Succeeded", "Failed"):
            if deleting and meta.get("deletionGracePeriodSeconds"):
                self._spawn(f"{uid}/gone", self._confirm_deleted(pod))
        elif deleting:
            self._spawn(uid, self._never_started(pod))
        elif not self._closing and phase == "Pending":
            self._spawn(uid, self._execute(pod))

    def _spawn(self, name: str, work: Any) -> None:
        if name in self._tasks:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def _execute(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        try:
            place = place_of(pod, self._root)
            place.log.parent.mkdir(parents=True, exist_ok=True)
            running = await self._start(pod, place)
        except (NoLocalMeaning, OSError) as error:
            message = str(error)
            await self._write(pod, pod_status.start_error(message, time.time()))
            return
        if running is None:
            record = _read_record(place, uid) or {"startError": "the supervisor did not start", "finished": time.time()}
            await self._write(pod, pod_status.ended(record, place))
            return
        self._running[uid] = running
        if self._closing:  # stop() has told those that it knew
            await _tell(running, b"T")
        try:
            await self._write(pod, pod_status.running(running.started))
            watchers = [asyncio.create_task(w) for w in self._watchers(pod, running)]
            await running.process.wait()
            for watcher in watchers:
                watcher.cancel()
        finally:
            self._running.pop(uid, None)
        await self._report(pod, running)

    async def _start(self, pod: Object, place: Place) -> _Running | None:
        uid = pod["metadata"]["uid"]
        port = self._port(pod)
        process = build_process(pod, place, self._config_map, os.environ, self._cwd, port)
        with contextlib.suppress(FileNotFoundError):
            place.record.unlink()
        place.result.write_bytes(b"")
        spec = {
            "argv": process.argv,
            "env": process.env,
            "cwd": process.cwd,
            "log": str(place.log),
            "record": str(place.record),
            "lock": str(place.lock),
            "uid": uid,
            "grace": ORPHAN_GRACE,
        }
        place.spec.touch(mode=0o600)
        write_atomically(place.spec, json.dumps(spec))
        place.spec.chmod(0o600)
        supervisor = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(SUPERVISOR),
            str(place.spec),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert supervisor.stdout is not None
        line = await supervisor.stdout.readline()
        if not line:
            await supervisor.wait()
            return None
        said = json.loads(line)
        return _Running(supervisor, place, int(said["pid"]), float(said["started"]))

    def _watchers(self, pod: Object, running: _Running) -> list[Any]:
        watchers: list[Any] = []
        limit = limit_bytes(pod["spec"]["containers"][0])
        if limit is not None:
            watchers.append(self._watch_memory(running, limit))
        deadline = pod["spec"].get("activeDeadlineSeconds")
        if deadline is not None:
            watchers.append(self._watch_deadline(running, float(deadline)))
        return watchers

    async def _watch_memory(self, running: _Running, limit: int) -> None:
        while True:
            if tree_bytes(running.pid) > limit:
                running.oom = True
                await _tell(running, b"K")
                return
            await asyncio.sleep(MEMORY_INTERVAL)

    async def _watch_deadline(self, running: _Running, seconds: float) -> None:
        await asyncio.sleep(seconds)
        running.deadline = True
        await _tell(running, b"T")
        await asyncio.sleep(ORPHAN_GRACE)
        await _tell(running, b"K")

    async def _end_gracefully(self, running: _Running, meta: Mapping[str, Any]) -> None:
        await _tell(running, b"T")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(float(meta.get("deletionGracePeriodSeconds") or 0)):
                await running.process.wait()
        await _tell(running, b"K")

    async def _report(self, pod: Object, running: _Running) -> None:
        record = _read_record(running.place, pod["metadata"]["uid"])
        if record is None or (self._closing and record.get("code") != 0 and not running.oom):
            status = pod_status.lost(running.started, running.place, time.time())
        else:
            status = pod_status.ended(record, running.place, oom=running.oom, deadline=running.deadline)
        written = await self._write(pod, status)
        if written is not None and written["metadata"].get("deletionTimestamp"):
            await self._confirm_deleted(written)

    async def _never_started(self, pod: Object) -> None:
        status = {"phase": "Failed", "reason": "Deleted", "message": "deleted before its process started"}
        written = await self._write(pod, status)
        if written is not None:
            await self._confirm_deleted(written)

    async def _confirm_deleted(self, pod: Object) -> None:
        """The process is gone: the API server may forget the pod once its finalizers are off."""
        meta = pod["metadata"]
        with contextlib.suppress(NotFound, Conflict):
            await self._kube.delete(Kind.POD, meta["namespace"], meta["name"], uid=meta["uid"], grace_seconds=0)

    async def _write(self, pod: Object, status: Object) -> Object | None:
        """Set the status, whatever else has changed on the pod meanwhile."""
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
            except KubeError as error:
                log.warning("status of pod %s: %s", meta["name"], error)
                await asyncio.sleep(0.5)

    def _config_map(self, name: str) -> Mapping[str, Any] | None:
        return self._kube.peek(Kind.CONFIG_MAP, "default", name)

    def _port(self, pod: Object) -> int:
        """One free port per Job."""
        owner = next((o["uid"] for o in pod["metadata"].get("ownerReferences") or []), pod["metadata"]["uid"])
        if owner not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[owner] = int(probe.getsockname()[1])
        return self._ports[owner]


async def _tell(running: _Running, command: bytes) -> None:
    stdin = running.process.stdin
    if stdin is not None and running.process.returncode is None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            stdin.write(command)
            await stdin.drain()


def _read_record(place: Place, uid: str) -> Mapping[str, Any] | None:
    """The exit record, if it is this pod's."""
    try:
        spec = json.loads(place.spec.read_text())
        record: Mapping[str, Any] = json.loads(place.record.read_text())
    except (OSError, ValueError):
        return None
    return record if spec.get("uid") == uid else None


def _started_at(pod: Mapping[str, Any]) -> float | None:
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        began = ((container.get("state") or {}).get("running") or {}).get("startedAt")
        if began:
            return datetime.fromisoformat(began.replace("Z", "+00:00")).timestamp()
    return None


async def _until_dead(place: Place) -> None:
    """Wait until the supervisor of an earlier process is gone, and with it everything it ran."""
    try:
        handle = os.open(place.lock, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                await asyncio.sleep(0.05)
    finally:
        os.close(handle)
