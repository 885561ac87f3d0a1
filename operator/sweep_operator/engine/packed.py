"""Objects that are kept but seldom read, in a small form."""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import Hashable

from sweep_operator.api.names import RESULT_FINALIZER, RUN_LABEL
from sweep_operator.domain.conditions import has_ended, run_state
from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.kube.json_text import as_json, parsed
from sweep_operator.kube.protocol import Kind, Object, Stored


class Packed:
    """One object: compressed JSON, relative to a similar object. It is about a hundredth of the object's size."""

    __slots__ = ("_data", "_sample", "note", "version")

    def __init__(self, data: bytes, sample: bytes, version: int, note: Hashable) -> None:
        """``sample``: JSON of a similar object. ``note``: what is read of it without unpacking."""
        self._data, self._sample, self.version, self.note = data, sample, version, note

    @classmethod
    def of(cls, obj: Object, sample: bytes, note: Hashable) -> Packed:
        """Pack an object."""
        version = int(obj["metadata"].get("resourceVersion") or 0)
        if isinstance(obj, Stored):
            return cls(obj.packed, obj.dictionary, version, note)
        compressor = zlib.compressobj(level=6, zdict=sample)
        return cls(compressor.compress(as_json(obj)) + compressor.flush(), sample, version, note)

    @property
    def text(self) -> bytes:
        """The object as JSON."""
        return zlib.decompressobj(zdict=self._sample).decompress(self._data)

    def unpack(self) -> Object:
        """The object."""
        unpacked: Object = parsed(self.text)
        return unpacked


def is_over(kind: Kind, obj: Object) -> bool:
    """Whether nothing more happens to an object by itself."""
    if kind == Kind.SWEEP_RUN:
        return has_ended(obj)
    if kind == Kind.JOB:
        return has_ended(obj, "Complete") or has_ended(obj, "Failed")
    return kind == Kind.POD and not _is_held(obj) and pod_has_ended(obj)


def note_of(kind: Kind, obj: Object) -> Hashable:
    """What is read of a packed object without unpacking it.

    Outcome and reason of a SweepRun; the run of another object, unless the operator's finalizer is on it.
    """
    if kind == Kind.SWEEP_RUN:
        return _shared(run_state(obj))
    run = (obj["metadata"].get("labels") or {}).get(RUN_LABEL)
    return None if run is None or _is_held(obj) else sys.intern(run)


@functools.lru_cache(maxsize=1024)
def _shared(state: tuple[str, str]) -> tuple[str, str]:
    """The same tuple for all runs in this state: there are few."""
    return state


def _is_held(obj: Object) -> bool:
    return RESULT_FINALIZER in (obj["metadata"].get("finalizers") or [])
