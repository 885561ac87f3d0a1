"""Pod statuses as a kubelet writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sweep_operator.api.names import MAIN_CONTAINER, MAX_RESULT_BYTES, PEAK_MEMORY
from sweep_operator.domain.times import parse_time, time_text
from sweep_operator.kube.embedded.container import Place
from sweep_operator.kube.protocol import Object

_LOG_BYTES, _LOG_LINES = 2048, 80
PROCESS_LOST: Object = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "ProcessLost",
    "message": "the process ended together with the `sweep run` that started it",
}
STOPPED_BY_USER: Object = {
    **PROCESS_LOST,
    "reason": "StoppedByUser",
    "message": "stopped by you; the next attempt continues from its checkpoint",
}
DISK_FULL: Object = {
    **PROCESS_LOST,
    "reason": "DiskFull",
    "message": "the program failed while its disk was full",
}
_SIGNALLED = 128


def stamp(seconds: float) -> str:
    """RFC 3339 with microseconds."""
    return time_text(datetime.fromtimestamp(seconds, UTC))


def started_at(pod: Mapping[str, Any]) -> float | None:
    """Start time of the main container in the pod's status; None unless it is running."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        began = parse_time(((container.get("state") or {}).get("running") or {}).get("startedAt"))
        if began is not None:
            return began.timestamp()
    return None


def running(started: float) -> Object:
    """The main container is running."""
    return {
        "phase": "Running",
        "startTime": stamp(started),
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [_main({"running": {"startedAt": stamp(started)}})],
    }


def start_error(message: str, now: float, reason: str = "StartError") -> Object:
    """The main container could not be executed. There is nothing to wait for on one machine, so the pod has failed."""
    end = {"exitCode": 128, "reason": reason, "message": message, "finishedAt": stamp(now)}
    return {"phase": "Failed", "containerStatuses": [_main({"terminated": end})]}


def ended(
    record: Mapping[str, Any], place: Place, pod: Mapping[str, Any], *, oom: bool = False, deadline: bool = False
) -> Object:
    """The main container has ended as its exit record says."""
    if "startError" in record:
        return start_error(str(record["startError"]), float(record["finished"]), record.get("reason", "StartError"))
    code = int(record["code"])
    exit_code = _SIGNALLED - code if code < 0 else code
    reason = "OOMKilled" if oom else "Completed" if exit_code == 0 else "Error"
    end: Object = {
        "exitCode": exit_code,
        "reason": reason,
        "message": termination_message(place, fall_back=exit_code != 0 and _may_fall_back(pod)),
        "startedAt": stamp(float(record["started"])),
        "finishedAt": stamp(float(record["finished"])),
    }
    if code < 0:
        end["signal"] = -code
    status: Object = {
        "phase": "Succeeded" if exit_code == 0 and not deadline else "Failed",
        "startTime": end["startedAt"],
        "containerStatuses": [_main({"terminated": end})],
    }
    if record.get("peakMemory"):
        status[PEAK_MEMORY] = float(record["peakMemory"])
    if record.get("diskFull"):
        status["conditions"] = [DISK_FULL]
    if deadline:
        status |= {"reason": "DeadlineExceeded", "message": "Pod was active longer than activeDeadlineSeconds"}
    return status


def lost(started: float | None, place: Place, now: float, why: Object = PROCESS_LOST) -> Object:
    """The process ended together with the `sweep run` that started it, or was stopped by it."""
    end: Object = {"exitCode": 137, "reason": "Error", "message": termination_message(place, fall_back=False)}
    if started is not None:
        # The end is unknown; the time of its last write is the best estimate.
        last = max((p.stat().st_mtime for p in (place.log, place.result) if p.exists()), default=now)
        end |= {"startedAt": stamp(started), "finishedAt": stamp(max(started, min(now, last)))}
    return {
        "phase": "Failed",
        "conditions": [why],
        "containerStatuses": [_main({"terminated": end})],
    }


def termination_message(place: Place, *, fall_back: bool) -> str:
    """The last 4096 bytes of the results file, as a kubelet reads it; if that is empty, the end of the log."""
    message = _tail(place.result, MAX_RESULT_BYTES)
    if not message and fall_back:
        message = b"".join(_tail(place.log, _LOG_BYTES).splitlines(keepends=True)[-_LOG_LINES:])
    return message.decode(errors="replace")


def start_of_tail(file: BinaryIO, lines: int) -> int:
    """Offset of the last ``lines`` lines of a file."""
    position, left = file.seek(0, os.SEEK_END), lines + 1
    while position > 0:
        size = min(1 << 16, position)
        position = file.seek(position - size)
        block = file.read(size)
        if block.count(b"\n") >= left:
            for _ in range(left):
                end = block.rindex(b"\n")
                block = block[:end]
            return position + end + 1
        left -= block.count(b"\n")
    return 0


def _tail(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read(size)
    except OSError:
        return b""


def _may_fall_back(pod: Mapping[str, Any]) -> bool:
    return bool(pod["spec"]["containers"][0].get("terminationMessagePolicy") == "FallbackToLogsOnError")


def _main(state: Object) -> Object:
    return {"name": MAIN_CONTAINER, "state": state, "imageID": ""}
