"""CPU seconds of a cluster's processes by what they are, while a block runs.

The processes are the descendants of this one. They are sampled: one that lives for less than half a second may be
missed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import suppress
from typing import Self

import psutil

SECONDS = 0.5
"""Between two samples."""
_WORDS = {
    "sweep_operator.suggest.worker": "optimizer",
    "sweep_operator.sandbox.worker": "sandbox",
    "sweep-operator --config": "operator",
    "sweep_operator.runtime": "operator",
    "kube-apiserver": "API server",
    "etcd": "etcd",
    "kubelet": "kubelet",
    "containerd": "containerd",
    "runc": "containerd",
    "kube-": "other control plane",
    "kubectl": "kubectl",
    "sweep_report.py": "pods",
    "tests.bench": "benchmark",
}
"""What a part of the command line says. The first one counts."""


class Shares:
    """Watches the processes while the block runs."""

    def __enter__(self) -> Self:
        self._used: dict[tuple[int, float], tuple[str, float, float]] = {}
        """By id and start of a process: what it is, its CPU seconds at first and at last."""
        self._over = threading.Event()
        self._sample(first=True)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    @property
    def text(self) -> str:
        """CPU seconds by kind, the largest first."""
        sums: dict[str, float] = defaultdict(float)
        for kind, first, last in self._used.values():
            sums[kind] += last - first
        ordered = sorted(sums.items(), key=lambda pair: -pair[1])
        return ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in ordered if seconds >= 0.1)

    def _watch(self) -> None:
        while not self._over.wait(SECONDS):
            self._sample()

    def _sample(self, *, first: bool = False) -> None:
        ours = psutil.Process()
        for process in (ours, *ours.children(recursive=True)):
            with suppress(psutil.Error):
                times, command = process.cpu_times(), " ".join(process.cmdline())
                key, seconds = (process.pid, process.create_time()), times.user + times.system
                known = self._used.get(key)
                start = seconds if first else known[1] if known is not None else 0.0
                self._used[key] = (_kind(command), start, seconds)


def _kind(command: str) -> str:
    return next((kind for word, kind in _WORDS.items() if word in command), "other")
