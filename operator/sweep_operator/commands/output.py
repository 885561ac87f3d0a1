"""Output of the commands: names, values and messages can come from programs and other users."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import shutil
import sys
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

import click

from sweep_operator.api.visible_text import visible_text
from sweep_operator.config.errors import ConfigError

_LONGEST_LINE = 65536
"""Characters of a line that are held back until its end arrives."""


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line without terminal escape sequences. JSON and YAML keep their meaning, since they escape them too."""
    click.echo(visible_text(str(text)), err=err)


def echo_data(text: str) -> None:
    """Print data: exact in a pipe or a file, like ``echo`` on a terminal."""
    click.echo(visible_text(text) if sys.stdout.isatty() else text, nl=False)


def write_file(path: Path, text: str) -> None:
    """Write the file of ``--output``, which appears only when it is complete. Raises ConfigError."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ConfigError(f"--output {path}: cannot be written: {error.strerror or error}") from None


def terminal_width() -> int | None:
    """Columns of the terminal that standard output is; None if it is a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


async def visible_lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """The stream as text without terminal escape sequences, which chunks may split, one line at a time."""
    decoder, pending = codecs.getincrementaldecoder("utf-8")("replace"), ""
    async for chunk in chunks:
        *lines, pending = re.split(r"(?<=\n)|(?<=\r)(?!\n|$)", pending + decoder.decode(chunk))
        if len(pending) > _LONGEST_LINE:
            lines, pending = [*lines, pending], ""
        if lines:
            yield visible_text("".join(lines))
    if pending:
        yield visible_text(pending)
