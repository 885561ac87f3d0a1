"""The JSON form of an observation: in messages between processes, and in a stored warm start."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import islice
from typing import Self

from protein.analysis.conformal import Side
from sweep_operator.api.model import Model, Scalar
from sweep_operator.decide.plan import EarlierObservations, LearnedPoint, Observation
from sweep_operator.exchange.files import decompressed

MAX_PACKED = 900 * 1024
"""Compressed bytes of the observations of a warm start: what fits into a ConfigMap."""
MAX_UNPACKED = 32 * 1024 * 1024
"""Decompressed bytes of them, and of a file that a user supplies."""
_GZIP = 31
"""zlib's code of the gzip format."""
_LEVEL = 1
"""The default level makes numbers a tenth smaller and takes six times as long."""
_ROWS_AT_ONCE = 50


class JsonObservation(Model):
    """An observation as JSON."""

    parameters: dict[str, Scalar]
    score: float | None = None
    cost: float | None = None
    is_failure: bool = False
    cost_is_lower_bound: bool = False
    score_side: Side | None = None
    cost_side: Side | None = None
    metrics: dict[str, float] | None = None
    curve: tuple[LearnedPoint, ...] | None = None
    source: int | None = None
    """Position in spec.warmStart.from. None: a run of the sweep itself, or stored by an older version."""

    @classmethod
    def of(cls, observation: Observation) -> Self:
        """Convert an observation."""
        return cls(**{field.name: getattr(observation, field.name) for field in fields(observation)})

    def to_line(self) -> bytes:
        """One line of a file of JSON lines."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"

    @property
    def observation(self) -> Observation:
        """Convert it back."""
        return Observation(**{field.name: getattr(self, field.name) for field in fields(Observation)})


def pack(observations: Iterable[JsonObservation]) -> EarlierObservations:
    """Compress the first ones, as many as fit into a ConfigMap."""
    rest = iter(observations)
    compressor, data, size = zlib.compressobj(_LEVEL, wbits=_GZIP), b"", 0
    packed: list[JsonObservation] = []
    while batch := list(islice(rest, _ROWS_AT_ONCE)):
        lines = b"".join(o.to_line() for o in batch)
        longer = compressor.copy()
        more = longer.compress(lines) + longer.flush(zlib.Z_SYNC_FLUSH)
        size += len(lines)
        if len(data) + len(more) > MAX_PACKED or size > MAX_UNPACKED:
            break
        compressor, data = longer, data + more
        packed += batch
    return counted(base64.b64encode(data + compressor.flush()).decode(), packed)


def counted(content: str, observations: Sequence[JsonObservation]) -> EarlierObservations:
    """What ``content`` contains, with its counts."""
    return EarlierObservations(content, len(observations), sum(o.score is not None for o in observations))


def unpack(content: str) -> list[JsonObservation]:
    """The observations. Raises ValueError, OSError, EOFError, zlib.error."""
    text = decompressed(base64.b64decode(content), MAX_UNPACKED)
    return [JsonObservation.model_validate_json(line) for line in text.splitlines() if line]
