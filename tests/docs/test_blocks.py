"""Every block has a language that another test in this directory checks."""

from __future__ import annotations

from tests.docs.blocks import LANGUAGES, blocks


def test_every_block_has_a_known_language() -> None:
    unknown = {str(b): b.language for b in blocks() if b.language not in LANGUAGES}
    assert not unknown, f"unknown languages; use one of {', '.join(LANGUAGES)}"


def test_the_blocks_are_found() -> None:
    counts = {language: len(blocks(language)) for language in LANGUAGES}
    assert counts["yaml"] > 40, counts
    assert counts["sh"] > 30, counts
    assert counts["python"] > 5, counts
