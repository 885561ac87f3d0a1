"""containerd with runc and CNI, inside the node's namespaces."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.cluster import images
from tests.cluster.isolation import Isolation
from tests.cluster.processes import NotReady, Process

SOCKET = "/run/containerd/containerd.sock"
CNI_FOLDERS = (Path("/opt/cni/bin"), Path("/usr/lib/cni"), Path("/usr/libexec/cni"))
CNI_PLUGINS = ("bridge", "host-local", "loopback")
POD_NETWORK = "10.246.0.0/16"


def cni_folder() -> Path | None:
    """Where the CNI plugins are."""
    return next((f for f in CNI_FOLDERS if all((f / plugin).exists() for plugin in CNI_PLUGINS)), None)


def start_containerd(folder: Path, binaries: Path, isolation: Isolation) -> Process:
    """Returns when it answers and has the images. Raises NotReady."""
    own = folder / "containerd"
    network = own / "cni"
    network.mkdir(parents=True)
    (network / "10-pods.conflist").write_text(json.dumps(_network(own / "addresses")))
    config = own / "config.toml"
    config.write_text(_config(own, binaries))
    path = f"PATH={binaries}:{os.environ['PATH']}"  # it looks for its shim there
    process = Process(
        "containerd", [*isolation.enter, "env", path, binaries / "containerd", f"--config={config}"], folder
    )

    def ctr(*arguments: str | Path) -> str:
        return isolation.run(binaries / "ctr", "-a", SOCKET, "-n", "k8s.io", *arguments)

    def answers() -> bool:
        try:
            ctr("version")
        except NotReady:
            return False
        return True

    process.until(answers)
    for write in (images.write_pause, images.write_machine):
        archive = own / "image.tar"
        write(archive)
        ctr("images", "import", "--local", "--snapshotter=native", archive)
    return process


def _config(own: Path, binaries: Path) -> str:
    return f"""
version = 3
root = "{own / "root"}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
address = "{SOCKET}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{images.PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
# where root may not lower a process's OOM score, every sandbox would fail
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{cni_folder()}"]
conf_dir = "{own / "cni"}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{binaries / "runc"}"
SystemdCgroup = false
"""


def _network(addresses: Path) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(addresses),
            "ranges": [[{"subnet": POD_NETWORK}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}
