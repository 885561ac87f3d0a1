"""Fills the cache with the binaries of the test cluster: ``python -m tests.cluster.fetch [--downloads] [PROJECT ...]``.

Official downloads first, checked by sha256. Where they are blocked, the binaries are built with Go; with
``--downloads`` they are left missing instead. Only what is missing is fetched, project by project, so that an
interrupted call can be repeated.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cluster import download
from tests.cluster.binaries import NODE, Pin, cache_dir, pins
from tests.cluster.download import Unavailable, WrongChecksum
from tests.cluster.gobuild import CannotBuild, build
from tests.cluster.releases import releases

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def main(arguments: Sequence[str]) -> int:
    """0 if nothing is missing, or if only downloads were wanted."""
    known = pins()
    downloads_only = "--downloads" in arguments
    arguments = [argument for argument in arguments if argument != "--downloads"]
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    folder, failed = cache_dir(), 0
    for project in arguments or known:
        pin = known[project]
        names = missing(pin, folder)
        if not names:
            continue
        started = time.monotonic()
        try:
            how = provide(project, pin, names, folder, can_build=not downloads_only)
        except Unavailable as reason:
            print(f"{project} {pin.version}: cannot be downloaded ({reason})")
            return 0  # the others come from the same hosts; each would wait for its time limit
        except (WrongChecksum, CannotBuild) as error:
            print(f"{project} {pin.version}: {error}", file=sys.stderr)
            failed += 1
        else:
            print(f"{project} {pin.version}: {how} in {time.monotonic() - started:.0f} s: {', '.join(names)}")
    if not failed:
        print(f"the test cluster's binaries are in {folder}")
    return 1 if failed else 0


def missing(pin: Pin, folder: Path, system: str = sys.platform) -> list[str]:
    """Its binaries that the folder lacks; a node's own are for Linux alone."""
    wanted = [name for name in pin.binaries if system == "linux" or name not in NODE]
    return [name for name in wanted if not os.access(folder / name, os.X_OK)]


def provide(project: str, pin: Pin, names: Sequence[str], folder: Path, *, can_build: bool = True) -> str:
    """Put the binaries into the folder, all or none, and say how.

    Raises WrongChecksum, CannotBuild, and without ``can_build`` Unavailable.
    """
    try:
        _whole(folder, names, lambda part: _download(project, pin, names, part))
    except Unavailable as reason:
        if not can_build:
            raise
        print(f"{project} {pin.version}: no download ({reason}); building it, which can take minutes", flush=True)
    else:
        return "downloaded"
    try:
        _whole(folder, names, lambda part: build(pin, names, part))
    except CannotBuild as error:
        raise CannotBuild(f"can be neither downloaded nor built: {error}") from None
    return "built"


def _download(project: str, pin: Pin, names: Sequence[str], part: Path) -> None:
    machine = MACHINES.get(platform.machine(), platform.machine())
    files = releases(project, pin.version, sys.platform, machine, list(names))
    if not files:
        raise Unavailable(f"none is published for {sys.platform}/{machine}")
    for file in files:
        download.fetch(file, part)


def _whole(folder: Path, names: Sequence[str], make: Callable[[Path], None]) -> None:
    """Make them in a folder of their own, then rename: the cache never has half a binary."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
        make(Path(part))
        for name in names:
            (Path(part) / name).replace(folder / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
