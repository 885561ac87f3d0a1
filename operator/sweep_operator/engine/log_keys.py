"""Which Sweep and which run a log line is about, carried through the tasks of a pass."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

KEYS = ("namespace", "sweep", "run")
_keys: ContextVar[Mapping[str, str] | None] = ContextVar("log_keys", default=None)


@contextmanager
def log_keys(**keys: str) -> Iterator[None]:
    """Add these keys to all records logged inside the block."""
    token = _keys.set({**(_keys.get() or {}), **keys})
    try:
        yield
    finally:
        _keys.reset(token)


class AddLogKeys(logging.Filter):
    """Adds the keys to every record; keys given with the record itself take precedence."""

    def filter(self, record: logging.LogRecord) -> bool:
        for key, value in (_keys.get() or {}).items():
            if not hasattr(record, key):
                setattr(record, key, value)
        return True
