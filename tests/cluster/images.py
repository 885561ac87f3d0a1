"""Container images made by hand: no registry, no daemon, a few kilobytes each.

``pause`` holds a pod's namespaces. ``machine`` is this machine's own programs: an image of empty folders, over which
pods mount /usr, the checkout and its Python read-only. So the code of the checkout runs in real containers.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

PAUSE = "docker.io/local/pause:1"
MACHINE = "docker.io/local/machine:1"
CHECKOUT = Path(__file__).resolve().parents[2]
USER = 65532

_WAIT_FOREVER = {
    # again: mov eax, SYS_pause; syscall; jmp again
    "x86_64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    # again: mov x0..x3, 0; mov x8, SYS_ppoll; svc 0; b again
    "aarch64": (183, struct.pack("<7I", *(0xD2800000 + n for n in range(4)), 0xD2800928, 0xD4000001, 0x17FFFFFA)),
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PROGRAMS = (
    "sweep_operator.runtime.main", "sweep_operator.runtime.operation", "sweep_operator.suggest.worker",
    "sweep_operator.runtime.uninstall", "protein", "stable_baselines3", "gymnasium.envs.classic_control",
    "torch._dynamo", "torch.distributed.run",
)  # fmt: skip
_LINKS_OR_FOLDERS = ("bin", "sbin", "lib", "lib64")


def wait_forever(machine: str = platform.machine()) -> bytes:
    """A static program for Linux that sleeps until it is killed."""
    elf_machine, code = _WAIT_FOREVER[machine]
    base, headers = 0x400000, 64 + 56
    size = headers + len(code)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = identity + struct.pack("<HHIQQQIHHHHHH", 2, elf_machine, 1, base + headers, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + code


def mounted_paths() -> list[Path]:
    """What of this machine the image ``machine`` needs: its programs, the checkout, and the Python of these tests."""
    wanted = [Path("/usr"), CHECKOUT, Path(sys.prefix), Path(sys.base_prefix)]
    wanted += [Path("/", name) for name in _LINKS_OR_FOLDERS if Path("/", name).is_dir()]
    wanted = [path for path in wanted if not path.is_symlink()]
    return sorted({p for p in wanted if not any(p != other and p.is_relative_to(other) for other in wanted)})


def compile_programs() -> subprocess.Popen[str]:
    """Starts to write the bytecode of what pods run. They cannot write it, so that each would compile everything anew.

    As images do, which have it. Nothing happens where it is there.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", f"import {', '.join(_PROGRAMS)}"]
    return subprocess.Popen(
        command, env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def write_pause(path: Path) -> None:
    """The image ``pause`` as an archive."""
    _write(path, PAUSE, {"pause": wait_forever()}, [], {}, {"Entrypoint": ["/pause"]})


def write_machine(path: Path) -> None:
    """The image ``machine`` as an archive; programs start in the checkout, with its Python first on the path."""
    files = {
        "etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nsweep:x:{USER}:{USER}::/tmp:/bin/sh\n".encode(),
        "etc/group": f"root:x:0:\nsweep:x:{USER}:\n".encode(),
        "etc/nsswitch.conf": b"hosts: files dns\n",
    }
    cache = Path("/etc/ld.so.cache")
    if cache.exists():
        files["etc/ld.so.cache"] = cache.read_bytes()
    links = {name: os.readlink(f"/{name}") for name in _LINKS_OR_FOLDERS if os.path.islink(f"/{name}")}
    folders = ["dev", "proc", "sys", "run", "root", "var", *(str(p).lstrip("/") for p in mounted_paths())]
    config = {
        "Env": [f"PATH={Path(sys.prefix, 'bin')}:/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"],
        "WorkingDir": str(CHECKOUT),
        "Cmd": ["/bin/sh"],
    }
    _write(path, MACHINE, files, folders, links, config)


def _write(
    path: Path, name: str, files: dict[str, bytes], folders: list[str], links: dict[str, str], config: dict[str, Any]
) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in folders:
            _add(tar, folder, tarfile.DIRTYPE, 0o755)
        _add(tar, "tmp", tarfile.DIRTYPE, 0o1777)
        for link, target in links.items():
            _add(tar, link, tarfile.SYMTYPE, 0o777, target=target)
        for file, content in files.items():
            _add(tar, file, tarfile.REGTYPE, 0o755 if file == "pause" else 0o644, content)
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]}
    architecture = _ARCHITECTURES[platform.machine()]
    image = json.dumps({"architecture": architecture, "os": "linux", "config": config, "rootfs": rootfs}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for file, content in (("layer.tar", layer.getvalue()), ("config.json", image), ("manifest.json", manifest)):
            _add(tar, file, tarfile.REGTYPE, 0o644, content)


def _add(tar: tarfile.TarFile, name: str, kind: bytes, mode: int, content: bytes = b"", target: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, len(content), target
    tar.addfile(info, io.BytesIO(content))
