"""Garbage collection while many objects are read: otherwise it looks at all of them, again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection(*, when: bool = True) -> Iterator[None]:
    """No garbage collection in the block, if ``when``. Objects that were just read are no garbage."""
    enabled = when and gc.isenabled()
    if when:
        gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
