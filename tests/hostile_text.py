"""Characters that a terminal interprets instead of showing them."""

from __future__ import annotations

import unicodedata

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def hidden(text: str) -> set[str]:
    """Control characters except tab and line feed, surrogates, and bidirectional controls in ``text``."""
    return {c for c in text if (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t") or c in BIDI}
