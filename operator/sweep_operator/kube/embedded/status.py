"""Pod statuses as a kubelet writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sweep_operator.api.names import MAIN_CONTAINER, MAX_RESULT_BYTES
from sweep_operator.kube.embedded.container import Place
from sweep_operator.kube.protocol import Object

_LOG_TAIL = 2048
_SIGNALLED = 128


def stamp(seconds: float) -> str:
    """RFC 3339 with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def waiting(reason: str, message: str) -> Object:
    """Main cannot start."""
    return {"phase": "Pending", "containerStatuses": [_main({"waiting": {"reason": reason, "message": message}})]}


def running(started: float) -> Object:
    """Main runs."""
    return {
        "phase": "Running",
        "startTime": stamp(started),
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [_main({"running": {"startedAt": stamp(started)}})],
    }


def start_error(message: str, now: float) -> Object:
    """Main could not be executed at all."""
    end = {"exitCode": 128, "reason": "StartError", "message": message, "finishedAt": stamp(now)}
    return {"phase": "Failed", "containerStatuses": [_main({"terminated": end})]}


def ended(record: Mapping[str, Any], place: Place, *, oom: bool = False, deadline: bool = False) -> Object:
    """Main has ended as its supervisor recorded it."""
    if "startError" in record:
        return start_error(str(record["startError"]), float(record["finished"]))
    code = int(record["code"])
    exit_code = _SIGNALLED - code if code < 0 else code
    reason = "OOMKilled" if oom else "Completed" if exit_code == 0 else "Error"
    end: Object = {
        "exitCode": exit_code,
        "reason": reason,
        "message": termination_message(place, exit_code),
        "startedAt": stamp(float(record["started"])),
        "finishedAt": stamp(float(record["finished"])),
    }
    if code < 0:
        end["signal"] = -code
    status: Object = {
        "phase": "Succeeded" if exit_code == 0 and not deadline else "Failed",
        "containerStatuses": [_main({"terminated": end})],
    }
    if deadline:
        status |= {"reason": "DeadlineExceeded", "message": "Pod was active longer than activeDeadlineSeconds"}
    return status


def lost(started: float | None, place: Place, now: float) -> Object:
    """The process went down with whoever ran it."""
    end: Object = {"exitCode": 137, "reason": "Error", "message": termination_message(place, 0)}
    if started is not None:
        # How long it ran is not known; what it wrote last is the best witness there is.
        last = max((p.stat().st_mtime for p in (place.log, place.result) if p.exists()), default=now)
        end |= {"startedAt": stamp(started), "finishedAt": stamp(max(started, min(now, last)))}
    return {
        "phase": "Failed",
        "conditions": [
            {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "ProcessLost",
                "message": "the process ended with the one that ran the sweep",
            }
        ],
        "containerStatuses": [_main({"terminated": end})],
    }


def termination_message(place: Place, exit_code: int) -> str:
    """At most 4096 bytes of the results file; where that is empty after a failure, the end of the log."""
    try:
        with place.result.open("rb") as file:
            message = file.read(MAX_RESULT_BYTES)
    except OSError:
        message = b""
    if not message and exit_code != 0:
        try:
            with place.log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _LOG_TAIL))
                message = file.read()
        except OSError:
            message = b""
    return message.decode(errors="replace")


def _main(state: Object) -> Object:
    return {"name": MAIN_CONTAINER, "state": state, "imageID": ""}
