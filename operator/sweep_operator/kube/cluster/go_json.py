"""JSON exactly as Go's encoding/json writes it.

The API server keeps the bytes of a ControllerRevision's data, which is immutable. At each update it compares them with
what Go writes. In any other form every update of the metadata fails, also those of the garbage collector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

_ESCAPED = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def go_json(value: object) -> str:
    """Sorted keys, no spaces, raw Unicode except for ``<``, ``>``, ``&`` and line separators."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{go_json(key)}:{go_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_ESCAPED)
    if isinstance(value, Sequence):
        return "[" + ",".join(map(go_json, value)) + "]"
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _number(value: float) -> str:
    """Without exponent from 1e-6 to 1e21, and without a fraction of zero: 1.0 is ``1``."""
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f")
    return json.dumps(value).replace("e-0", "e-")
