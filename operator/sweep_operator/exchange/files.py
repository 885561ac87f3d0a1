"""Rows from the content of a file, as it is or packed with gzip."""

from __future__ import annotations

import gzip
import zlib

from sweep_operator.exchange.read import form_of, read_rows
from sweep_operator.exchange.row import Row, RowsInvalid


def rows_of_bytes(content: bytes, where: str, name: str) -> list[Row]:
    """``name`` says the form, by its end. Raises RowsInvalid."""
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        text = content.decode()
    except (OSError, EOFError, zlib.error) as error:
        raise RowsInvalid([f"{where}: cannot be unpacked: {error}"]) from None
    except UnicodeDecodeError as error:
        raise RowsInvalid(
            [f"{where}: is no text in UTF-8: byte {error.start} is {content[error.start]:#04x}"]
        ) from None
    return rows_of_text(text, where, name)


def rows_of_text(text: str, where: str, name: str) -> list[Row]:
    """Raises RowsInvalid."""
    return read_rows(text, where, form_of(name, text))
