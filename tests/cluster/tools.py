"""Programs that a user of kind needs beside Docker: ``python -m tests.cluster.tools kind|helm|kubectl`` prints a path.

The one on the PATH, else the test cluster's (see binaries.py), else, of kind alone, a checked download or the Go build.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from tests.cluster.binaries import Pin, cache_dir
from tests.cluster.download import WrongChecksum
from tests.cluster.fetch import provide
from tests.cluster.gobuild import CannotBuild

KIND = Pin("v0.33.0", {"kind": "sigs.k8s.io/kind"}, "kind")
"""Not among the pins: the test cluster works without it, and their hash is the cache's key."""
TOOLS = ("kind", "helm", "kubectl")


class NoTool(Exception):
    """It is not here. The message says how to get it."""


def tool(name: str) -> Path:
    """Its path. Raises NoTool, WrongChecksum, CannotBuild."""
    there = shutil.which(name)
    if there is not None:
        return Path(there)
    folders = [Path(os.environ["KUBEBUILDER_ASSETS"])] if os.environ.get("KUBEBUILDER_ASSETS") else []
    folders += [cache_dir(), kind_dir()]
    found = next((folder / name for folder in folders if os.access(folder / name, os.X_OK)), None)
    if found is not None:
        return found
    if name != "kind":
        raise NoTool(f"{name} is not on the PATH; install it, or run `make cluster-binaries`, which gets one too")
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the path
        print(f"kind {KIND.version}: {provide('kind', KIND, ['kind'], kind_dir())}")
    return kind_dir() / "kind"


def kind_dir() -> Path:
    """The cache of that version of kind."""
    return cache_dir().parent.parent / f"kind-{KIND.version}"


def main(arguments: list[str]) -> int:
    """0 when the path is printed."""
    if len(arguments) != 1 or arguments[0] not in TOOLS:
        print(f"usage: python -m tests.cluster.tools {'|'.join(TOOLS)}", file=sys.stderr)
        return 2
    try:
        print(tool(arguments[0]))
    except (NoTool, WrongChecksum, CannotBuild) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
