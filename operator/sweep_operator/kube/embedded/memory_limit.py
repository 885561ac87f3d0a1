"""``resources.limits.memory`` for local processes: the memory of the process tree, looked at now and then."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_QUANTITY = re.compile(r"([0-9.]+(?:e[0-9]+)?)([A-Za-z]*)")


def limit_bytes(container: Mapping[str, Any]) -> int | None:
    """The limit in bytes, or None."""
    text = str(((container.get("resources") or {}).get("limits") or {}).get("memory") or "")
    match = _QUANTITY.fullmatch(text)
    if match is None or match.group(2) not in _SUFFIXES:
        return None
    return int(float(match.group(1)) * _SUFFIXES[match.group(2)])


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
