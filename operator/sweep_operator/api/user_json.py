"""JSON that users write: results, rows of a warm start. Parsed with a limit of the nesting depth.

The standard parser is recursive: 5 kB of brackets raise RecursionError, which is not a ValueError, in the parser or in
whatever reads the value later.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 32
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


class TooDeep(ValueError):
    """The value is nested more than MAX_DEPTH levels deep."""


def parse_user_json(text: str) -> Any:
    """The value of ``text``. Raises ValueError for invalid JSON, and TooDeep with the depth. O(length)."""
    depth = deepest = 0
    few = text.count("[") + text.count("{") <= MAX_DEPTH
    for token in () if few else _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise TooDeep(f"nested {deepest} levels deep; the limit is {MAX_DEPTH}")
    return json.loads(text)
