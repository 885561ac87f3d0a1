"""The hand-made images."""

from __future__ import annotations

import platform
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import psutil
import pytest

from tests.cluster.images import CHECKOUT, mounted_paths, wait_forever, write_machine
from tests.cluster.kubectl import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs for Linux")


def test_pause_sleeps_until_it_is_ended(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(wait_forever())
    program.chmod(0o755)
    process = subprocess.Popen([program])
    try:
        watched, deadline = psutil.Process(process.pid), time.monotonic() + PATIENCE
        while watched.status() != psutil.STATUS_SLEEPING:
            assert time.monotonic() < deadline
            assert process.poll() is None
        assert watched.exe() == str(program)
    finally:
        process.terminate()
    assert process.wait(PATIENCE) == -15


def test_both_machines_have_their_program() -> None:
    amd64, arm64 = wait_forever("x86_64"), wait_forever("aarch64")
    assert (amd64[:4], amd64[18], arm64[:4], arm64[18]) == (b"\x7fELF", 62, b"\x7fELF", 183)


def test_the_machine_image_has_a_folder_for_all_that_is_mounted(tmp_path: Path) -> None:
    if platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("no program for this machine")
    write_machine(tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as image, tarfile.open(fileobj=image.extractfile("layer.tar")) as layer:
        folders = {f"/{member.name}" for member in layer if member.isdir()}
    paths = mounted_paths()
    assert {str(p) for p in paths} <= folders
    assert Path("/usr") in paths
    for needed in (CHECKOUT, Path(sys.executable).parent, Path(sys.base_prefix)):
        assert any(needed.is_relative_to(path) for path in paths)
