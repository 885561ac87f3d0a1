"""``resources.limits.memory`` for local processes: the memory of the process tree, looked at now and then."""

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
    """Whether the descendants of ``pid`` hold more than ``limit`` bytes. Blocks for milliseconds.

    Resident sizes count a page once per process that maps it, which makes forked workers look large; the exact sum
    (proportional sizes, on Linux) is dear, so that it is taken only when the first one is over the limit.
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
