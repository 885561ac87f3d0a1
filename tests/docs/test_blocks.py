"""No block escapes: each has a language that another test of this folder looks after."""

from __future__ import annotations

from tests.docs.blocks import LANGUAGES, blocks


def test_every_block_says_what_it_is() -> None:
    unknown = {str(b): b.language for b in blocks() if b.language not in LANGUAGES}
    assert not unknown, f"a block is {', '.join(LANGUAGES)}; these say something else, and nothing would check them"


def test_the_blocks_are_found() -> None:
    counts = {language: len(blocks(language)) for language in LANGUAGES}
    assert counts["yaml"] > 40, counts
    assert counts["sh"] > 30, counts
    assert counts["python"] > 5, counts
