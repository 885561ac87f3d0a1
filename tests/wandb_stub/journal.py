"""A file to which everything that was answered is appended, a JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class Journal:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, entry: Mapping[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was written, oldest first. A last line that a killed server left unfinished is removed."""
        content = self._path.read_text() if self._path.exists() else ""
        whole = content[: content.rfind("\n") + 1]
        if whole != content:
            self._path.write_text(whole)  # its answer never went out
        for line in whole.splitlines():
            yield json.loads(line)
