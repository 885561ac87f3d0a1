"""A watch that notes when its news arrived."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Self

from tests.cluster.kubectl import Kubectl, Object

_PATHS = {
    "sweeps": "apis/metta.ai/v1alpha1",
    "sweepruns": "apis/metta.ai/v1alpha1",
    "jobs": "apis/batch/v1",
    "pods": "api/v1",
}


class Told(NamedTuple):
    """``at``: by the clock ``time.monotonic``."""

    at: float
    object: Object


class News:
    """The objects of a kind in a namespace that change while the block runs, as the API server tells of them.

    It is not asked for those that exist: to send thousands of them would delay what is measured.
    """

    def __init__(self, cluster: Kubectl, kind: str, namespace: str) -> None:
        path = f"/{_PATHS[kind]}/namespaces/{namespace}/{kind}"
        listed = json.loads(cluster.kubectl("get", "--raw", f"{path}?limit=1"))
        version = listed["metadata"]["resourceVersion"]
        self._command = cluster.command("get", "--raw", f"{path}?watch=1&resourceVersion={version}")
        self._told: list[Told] = []

    def __enter__(self) -> Self:
        self._watch = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.kill()
        self._watch.wait()

    def _read(self) -> None:
        assert self._watch.stdout is not None
        for line in self._watch.stdout:
            at = time.monotonic()
            try:
                event = json.loads(line)
            except json.JSONDecodeError:  # cut off by the end of the watch
                return
            self._told.append(Told(at, event["object"]))

    def first(self, holds: Callable[[Object], bool]) -> dict[str, float]:
        """By name: when an object that ``holds`` was told of for the first time, in that order."""
        found: dict[str, float] = {}
        for at, obj in list(self._told):
            if holds(obj):
                found.setdefault(obj["metadata"]["name"], at)
        return found

    def until(self, holds: Callable[[Object], bool], after: float = 0.0, seconds: float = 600.0) -> float:
        """When an object that ``holds`` was told of, the first one ``after`` that time. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        seen = 0
        while time.monotonic() < deadline:
            for at, obj in self._told[seen:]:
                seen += 1
                if at >= after and holds(obj):
                    return at
            if self._watch.poll() is not None:
                raise RuntimeError("the watch has ended")
            time.sleep(0.02)
        raise TimeoutError(f"nothing of that kind was told within {seconds:g} s")
