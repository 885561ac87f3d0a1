"""JSON of objects, read and written by the faster library if it can handle them."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json, to_json

from sweep_operator.kube.protocol import Object


def parsed(text: bytes) -> Any:
    """Raises ValueError. The faster reader refuses deep nesting, and half a character."""
    try:
        return from_json(text, cache_strings="keys")
    except ValueError:
        return json.loads(text)


def as_json(obj: Object) -> bytes:
    """The object as JSON. The faster writer refuses deep nesting, and half a character."""
    try:
        return to_json(obj)
    except ValueError:
        return json.dumps(obj, separators=(",", ":")).encode()
