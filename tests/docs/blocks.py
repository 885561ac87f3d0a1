"""The fenced blocks of the documentation. The tests of this folder execute or validate them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.generate.pages import NOTE

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("yaml", "sh", "python", "text")
"""text: output and drawings, the only blocks that no test checks."""

_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\S*)(?: title=\"(?P<title>[^\"]*)\")?(?P<rest>.*)")


@dataclass(frozen=True)
class Block:
    """One fenced block. ``title`` says what it is if the content alone does not."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page that is written by hand."""
    others = ("README.md", "CONTRIBUTING.md", "charts/sweep-operator/README.md", "images/trainer/README.md")
    by_hand = [page for page in sorted((ROOT / "docs").glob("**/*.md")) if NOTE not in page.read_text()]
    return [*by_hand, *(ROOT / name for name in others)]


def blocks(language: str | None = None) -> list[Block]:
    """The blocks of all pages, in order."""
    return [b for page in pages() for b in _blocks(page) if language in (None, b.language)]


def _blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        opened = _FENCE.fullmatch(lines[at])
        at += 1
        if opened is None:
            continue
        begin = at
        while lines[at].strip() != "```":
            at += 1
        text = textwrap.dedent("\n".join(lines[begin:at])) + "\n"
        name = str(page.relative_to(ROOT))
        yield Block(name, begin, opened["language"] + opened["rest"].strip(), opened["title"] or "", text)
        at += 1
