"""``resources.limits.memory`` for local processes: the resident memory of the process tree, looked at now and then."""

from __future__ import annotations

import re
from collections.abc import Mapping
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


def tree_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants, in bytes; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for member in tree:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total
