"""Characters that a terminal interprets instead of showing them."""

from __future__ import annotations

import unicodedata

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def hidden(text: str) -> set[str]:
    """Control characters except tab and line feed, surrogates, and bidirectional controls in ``text``."""
    return {c for c in text if (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t") or c in BIDI}


def alias_bomb(lines: int) -> str:
    """YAML of which each line repeats the one before it nine times."""
    more = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, lines))
    return "\n".join(["a0: &a0 [x]", *more])
