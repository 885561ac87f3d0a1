"""Objects that are kept but seldom read, in a small form."""

from __future__ import annotations

import json
import zlib
from collections.abc import Hashable
from typing import Any

from sweep_operator.kube.protocol import Object


class Packed:
    """One object: compressed JSON, relative to a similar object. It is about a hundredth of the object's size."""

    __slots__ = ("_data", "_sample", "note", "version")

    def __init__(self, text: bytes, version: int, sample: bytes, note: Hashable) -> None:
        """``text``: its JSON; ``sample``: that of a similar object. ``note``: what is read of it without unpacking."""
        self.version, self.note, self._sample = version, note, sample
        compressor = zlib.compressobj(level=6, zdict=sample)
        self._data = compressor.compress(text) + compressor.flush()

    def unpack(self) -> Object:
        """The object."""
        unpacked: dict[str, Any] = json.loads(zlib.decompressobj(zdict=self._sample).decompress(self._data))
        return unpacked


def as_json(obj: Object) -> bytes:
    """The object as JSON."""
    return json.dumps(obj, separators=(",", ":")).encode()
