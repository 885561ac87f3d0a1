"""Serialized values that remember when they changed: any client can be told what it has missed.

No client has a queue. A client has the number of the last pass that it has seen; what changed since then is
merged, and a client that reads slowly costs no memory.
"""

from __future__ import annotations

from collections.abc import Iterable

_DELETED_KEPT = 1000


class Tracked:
    """JSON by name, in the order of its first appearance."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.complete_since = 0
        """Pass after which every change is known. Before it, deletions may have been forgotten."""
        self._changed: dict[str, int] = {}
        """The pass of each name's last change, the latest at the end; deleted names too."""

    def put(self, name: str, value: bytes, now: int) -> bool:
        """Set a value in pass ``now``; return whether it differs from the one before."""
        if self.values.get(name) == value:
            return False
        self.values[name] = value
        self._note(name, now)
        return True

    def keep_only(self, names: Iterable[str], now: int) -> bool:
        """Delete all others in pass ``now``; return whether there were any."""
        gone = self.values.keys() - set(names)
        for name in gone:
            del self.values[name]
            self._note(name, now)
        self._forget()
        return bool(gone)

    def since(self, seen: int) -> tuple[list[str], list[str]]:
        """The names that have changed and those that were deleted after pass ``seen``, which is ``complete``."""
        changed, deleted = list[str](), list[str]()
        for name in reversed(self._changed):
            if self._changed[name] <= seen:
                break
            (changed if name in self.values else deleted).append(name)
        return changed[::-1], deleted[::-1]

    def _note(self, name: str, now: int) -> None:
        self._changed.pop(name, None)
        self._changed[name] = now

    def _forget(self) -> None:
        """Forget the earliest deletions beyond the limit."""
        excess = len(self._changed) - len(self.values) - _DELETED_KEPT
        for name in [n for n in self._changed if n not in self.values][: max(0, excess)]:
            self.complete_since = max(self.complete_since, self._changed.pop(name))
