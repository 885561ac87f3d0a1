"""The fenced blocks of the documentation: what the tests of this folder execute or validate."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("yaml", "sh", "python", "text")
"""text: output and drawings, the only blocks that nothing checks."""

_FENCE = re.compile(r"(?P<indent> *)```(?P<language>\S*)(?: title=\"(?P<title>[^\"]*)\")?(?P<rest>.*)")


@dataclass(frozen=True)
class Block:
    """One fenced block. ``title``: what it is, where its content alone does not say it."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Everything written by hand that people read."""
    others = ("README.md", "CONTRIBUTING.md", "charts/sweep-operator/README.md", "images/trainer/README.md")
    return [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in others)]


def blocks(language: str | None = None) -> list[Block]:
    """Of all pages, in order."""
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
