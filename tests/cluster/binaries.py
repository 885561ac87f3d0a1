"""Where the binaries of the test cluster come from; the first that has them all wins.

1. ``$KUBEBUILDER_ASSETS``: a folder that has them.
2. The cache, ``$XDG_CACHE_HOME/sweep-operator/cluster/<hash of the pins>``, filled by ``make cluster-binaries`` from
   the official downloads, or by building the pinned Go modules where downloads are refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

PINS = Path(__file__).with_name("pins.json")
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "helm")
NODE = ("kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "coredns")


class Missing(Exception):
    """Something that the cluster needs is not here. The message says what, and how to get it."""


@dataclass(frozen=True)
class Pin:
    """One project at one version. ``binaries``: their Go packages; ``variables``: what the linker is to set."""

    version: str
    binaries: dict[str, str]
    module: str
    variables: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)


def cache_dir() -> Path:
    """The folder of the pinned versions."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "sweep-operator" / "cluster" / hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]


def pins() -> dict[str, Pin]:
    """By project."""
    return {project: Pin(**pin) for project, pin in json.loads(PINS.read_text()).items()}


def find(names: tuple[str, ...]) -> Path:
    """A folder that has all of ``names``. Raises Missing."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(given) if given else cache_dir()
    missing = [name for name in names if not os.access(folder / name, os.X_OK)]
    if not missing:
        return folder
    where = "$KUBEBUILDER_ASSETS" if given else "the cache"
    remedy = "set it to a folder that has them, or unset it and" if given else "run"
    raise Missing(f"{where} ({folder}) lacks {', '.join(missing)}; {remedy} `make cluster-binaries`")
