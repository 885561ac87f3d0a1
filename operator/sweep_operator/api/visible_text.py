"""Text from programs, users and servers, as it may reach a terminal. Uses the standard library only."""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colors, cursor movement
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"  # titles, links
    r"|\x1b[ -/]*[0-~]"  # character sets, reset
)
"""ECMA-48 control sequences and strings. Each alternative takes linear time, also without its end."""
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and line feed, bidirectional controls, and surrogates, which have no UTF-8 form."""


def visible_text(text: str) -> str:
    """``text`` without terminal escape sequences, with every other hidden character as an escape such as ``\\x07``.

    Line breaks become line feeds. A double-quoted YAML string stays the same string.
    """
    if text.isprintable():  # the most frequent case, ten times as fast
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HIDDEN.sub(_escape, _ESCAPE_SEQUENCE.sub("", lines))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
