"""Log format: JSON or text, with the namespace, Sweep and run of each record."""

from __future__ import annotations

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

from sweep_operator.api.visible_text import visible_text
from sweep_operator.engine.log_keys import AddLogKeys


class _TextFormatter(logging.Formatter):
    """Text without terminal escape sequences: messages quote programs and users. The JSON format escapes them."""

    def format(self, record: logging.LogRecord) -> str:
        return visible_text(super().format(record))


def set_up(level: str, form: Literal["json", "text"]) -> None:
    """Log to standard error; kopf, aiohttp and asyncio only from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(AddLogKeys())
    if form == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(
            JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names, timestamp=False)
        )
    else:
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("kopf", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
