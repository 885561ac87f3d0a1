"""Rows from the content of a file, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import zlib

from sweep_operator.exchange.read import format_of, read_rows
from sweep_operator.exchange.row import Row, RowsInvalid


def rows_of_bytes(content: bytes, where: str, name: str) -> list[Row]:
    """Read the rows of a file. The extension of ``name`` selects the format. Raises RowsInvalid."""
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        text = content.decode()
    except (OSError, EOFError, zlib.error) as error:
        raise RowsInvalid([f"{where}: cannot be decompressed: {error}"]) from None
    except UnicodeDecodeError as error:
        raise RowsInvalid([f"{where}: is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}"]) from None
    return read_rows(text, where, format_of(name, text))
