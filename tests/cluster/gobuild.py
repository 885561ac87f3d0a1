"""Builds the binaries from the pinned Go modules (``modules/*/go.mod`` and ``go.sum``)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.binaries import Pin

MODULES = Path(__file__).with_name("modules")
# Older ones know neither toolchain lines nor how to fetch the toolchain they say.
OLDEST_GO = (1, 21)


class CannotBuild(Exception):
    """A tool is missing, or the build failed. The message says which, and what to do."""


def build(pin: Pin, names: Sequence[str], into: Path, *, modules: Path = MODULES) -> None:
    """The binaries ``names`` in the folder ``into``, static and stripped; runc is linked to libseccomp.

    Raises CannotBuild.
    """
    module = modules / pin.module
    needs_c = bool(pin.tags)
    if needs_c:
        _need_seccomp()
    env = {**os.environ, "CGO_ENABLED": "1" if needs_c else "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    env["GOTOOLCHAIN"] = toolchain(module / "go.mod")
    flags = ["-s", "-w", *(f"-X {name}={value}" for name, value in pin.variables.items())]
    for name in names:
        command = ["go", "build", "-trimpath", "-buildvcs=false", f"-tags={','.join(pin.tags)}"]
        command += [f"-ldflags={' '.join(flags)}", "-o", str(into / name), pin.binaries[name]]
        done = subprocess.run(command, cwd=module, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotBuild(f"go build {pin.binaries[name]}: {_last_line(done.stderr)}")


def toolchain(go_mod: Path) -> str:
    """GOTOOLCHAIN for a module: ``local`` where the installed Go is new enough, else the one to fetch."""
    if shutil.which("go") is None:
        raise CannotBuild(
            f"go is not installed: install Go {'.'.join(map(str, OLDEST_GO))} or later (https://go.dev/dl)"
        )
    wanted = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    assert wanted is not None
    local = {**os.environ, "GOTOOLCHAIN": "local"}
    have = subprocess.run(["go", "env", "GOVERSION"], cwd="/", env=local, capture_output=True, text=True, check=False)
    if _version(have.stdout) >= _version(wanted[1]):
        return "local"
    if _version(have.stdout) < OLDEST_GO:
        raise CannotBuild(
            f"{have.stdout.strip() or 'go'} is too old: install Go {wanted[1]} or later (https://go.dev/dl)"
        )
    return f"go{wanted[1]}"


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(n or 0) for n in match.groups()) if match else (0,)


def _need_seccomp() -> None:
    """Without seccomp runc would start no pod that asks for the RuntimeDefault profile, and the operator's do."""
    packages = "apt-get install gcc libc6-dev libseccomp-dev pkg-config"
    if not (shutil.which("gcc") and shutil.which("pkg-config")):
        raise CannotBuild(f"gcc or pkg-config is missing: {packages}")
    if subprocess.run(["pkg-config", "--exists", "libseccomp"], check=False).returncode != 0:
        raise CannotBuild(f"libseccomp's headers are missing: {packages}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
