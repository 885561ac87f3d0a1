"""The commands of the documentation: lines of ``sh`` blocks, and inline commands in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.blocks import ROOT, blocks, pages

_INLINE = re.compile(r"(?<!`)`((?:sweep|kubectl|helm|make|sweep-operator) [^`\n]+)`(?!`)")
_ENDS = ("|", "||", "&&", ";", "&")
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=.*")


@dataclass(frozen=True)
class Line:
    """One simple command. ``whole``: it is from a block and complete; an inline command may omit arguments."""

    where: str
    arguments: tuple[str, ...]
    whole: bool

    @property
    def program(self) -> str:
        return self.arguments[0]

    def __str__(self) -> str:
        return f"{self.where}: {' '.join(self.arguments)}"


def lines() -> list[Line]:
    """All commands without duplicates."""
    return list(dict.fromkeys([*_of_blocks(), *_of_text()]))


def _of_blocks() -> Iterator[Line]:
    for block in blocks("sh"):
        joined = block.text.replace("\\\n", " ")
        for number, text in enumerate(joined.splitlines(), block.line + 1):
            for arguments in simple_commands(text):
                yield Line(f"{block.page}:{number}", arguments, whole=True)


def _of_text() -> Iterator[Line]:
    for page in pages():
        inside = False
        for number, text in enumerate(page.read_text().splitlines(), 1):
            if text.strip().startswith("```"):
                inside = not inside
            for found in () if inside else _INLINE.findall(text):
                for arguments in simple_commands(found):
                    yield Line(f"{page.relative_to(ROOT)}:{number}", arguments, whole=False)


def simple_commands(text: str) -> Iterator[tuple[str, ...]]:
    """Split a line into commands, without comments, assignments and redirections."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for word in [*lexer, ";"]:
        if word in _ENDS:
            if words:
                yield tuple(words)
            words = []
        elif word in ("<", ">", ">>"):
            skip = True
        elif skip:
            skip = False
        elif words or not _ASSIGNMENT.fullmatch(word):
            words.append(word)
