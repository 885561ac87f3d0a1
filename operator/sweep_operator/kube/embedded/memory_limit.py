"""``resources.limits.memory`` for local processes: the memory of the process tree is measured regularly."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

from sweep_operator.domain.quantities import quantity


def limit_bytes(container: Mapping[str, Any]) -> int | None:
    """The limit in bytes, or None."""
    text = ((container.get("resources") or {}).get("limits") or {}).get("memory") or ""
    try:
        return int(quantity(text))
    except ValueError:
        return None


def exceeds(pid: int, limit: int) -> bool:
    """Whether the descendants of ``pid`` use more than ``limit`` bytes. Blocks for milliseconds.

    Resident sizes count a shared page once per process, which overstates forked workers. The exact sum (proportional
    sizes, on Linux) is expensive, so it is computed only if the first sum exceeds the limit.
    """
    try:
        tree = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return False
    return _sum(tree, lambda p: int(p.memory_info().rss)) > limit and _sum(tree, _own_bytes) > limit


def _own_bytes(process: psutil.Process) -> int:
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.uss))


def _sum(tree: Sequence[psutil.Process], measure: Callable[[psutil.Process], int]) -> int:
    total = 0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            total += measure(process)
    return total
