"""Rows from the content of a file, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import io
import sys
import zlib

from sweep_operator.exchange.read import format_of, read_rows
from sweep_operator.exchange.row import Row, RowsInvalid


def rows_of_bytes(
    content: bytes, where: str, name: str, *, max_bytes: int = sys.maxsize, max_rows: int = sys.maxsize
) -> list[Row]:
    """Read the rows of a file. The extension of ``name`` selects the format. Raises RowsInvalid.

    ``max_bytes``: of the decompressed content.
    """
    try:
        if content[:2] == b"\x1f\x8b":
            content = decompressed(content, max_bytes)
        text = content.decode()
    except (OSError, EOFError, zlib.error) as error:
        raise RowsInvalid([f"{where}: cannot be decompressed: {error}"]) from None
    except UnicodeDecodeError as error:
        raise RowsInvalid([f"{where}: is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}"]) from None
    return read_rows(text, where, format_of(name, text), max_rows)


def decompressed(content: bytes, max_bytes: int) -> bytes:
    """Decompress gzip content. Raises OSError, EOFError, zlib.error; OSError if it is longer than ``max_bytes``."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        # read(n) allocates n bytes at once.
        found = file.read() if max_bytes == sys.maxsize else file.read(max_bytes + 1)
    if len(found) > max_bytes:
        raise OSError(f"it has more than {max_bytes} bytes; the rest was not read")
    return found
