"""Level 2: a control plane and one real node, with containerd, kubelet, kube-proxy and DNS. Root on Linux.

Everything runs in namespaces of the kernel of its own (isolation.py), so that the machine stays as it is and nothing
is left behind, however the tests end.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.cluster import images
from tests.cluster.binaries import CONTROL_PLANE, NODE, Missing, find
from tests.cluster.containerd import cni_folder, start_containerd
from tests.cluster.control_plane import ControlPlane
from tests.cluster.dns import dns_service, start_coredns
from tests.cluster.isolation import PRIVATE, Isolation, may_isolate
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.kubelet import GROUP, PROXY_USER, USER, start_kube_proxy, start_kubelet
from tests.cluster.kubelet import NODE as NODE_NAME
from tests.cluster.processes import NotReady, Process

STORAGE_CLASS = "standard"
PROGRAMS = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux", "openssl": "openssl"}


def check_requirements() -> Path:
    """The folder of the binaries. Raises Missing, which names everything that is not here at once."""
    missing = []
    if sys.platform != "linux":
        raise Missing("a real node needs Linux; use any cluster instead: KUBECONFIG=... make e2e")
    if os.geteuid() != 0:
        missing.append("a real node needs root (sudo -E make e2e)")
    elif not may_isolate():
        missing.append("root may make no namespaces here; run on the machine itself, not in a container")
    packages = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if cni_folder() is None:
        packages.append("containernetworking-plugins")
    if packages:
        missing.append(f"packages are missing: apt-get install {' '.join(packages)}")
    try:
        folder = find((*(name for name in CONTROL_PLANE if name != "kwok"), *NODE))
    except Missing as binaries:
        missing.append(str(binaries))
    else:
        for path in (folder, *images.mounted_paths()):
            hidden = [place for place in PRIVATE if path.is_relative_to(place)]
            missing += [f"{path} lies below {place}, of which the node has its own; move it" for place in hidden]
    if missing:
        raise Missing("; ".join([*missing, "or use any cluster instead: KUBECONFIG=... make e2e"]))
    return folder


class NodeCluster(Kubectl):
    """Ready for pods when ``start`` returns."""

    def __init__(self, folder: Path) -> None:
        self.binaries = check_requirements()
        self._isolation = Isolation(folder)
        self._control_plane: ControlPlane | None = None
        self._servers: list[Process] = []
        self._volumes = 0
        super().__init__(folder, self.binaries / "kubectl", folder / "admin.kubeconfig")

    def start(self) -> None:
        """Raises NotReady."""
        isolation, binaries, folder = self._isolation, self.binaries, self.folder
        compiler = images.compile_programs()
        isolation.start()
        control_plane = self._control_plane = ControlPlane(
            folder,
            binaries,
            address=isolation.address,
            with_node=True,
            enter=isolation.enter_network,
            users={USER: GROUP, PROXY_USER: ""},
        )
        control_plane.start()
        self._servers.append(start_containerd(folder, binaries, isolation))
        kubelet = start_kubelet(folder, binaries, isolation, control_plane)
        self._servers += [kubelet, start_kube_proxy(folder, binaries, isolation, control_plane)]
        self._servers.append(start_coredns(folder, binaries, isolation, self.kubeconfig))
        self.apply(dns_service(isolation.address), "kube-system")
        self.make_default_storage_class(
            STORAGE_CLASS, provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer"
        )
        kubelet.until(lambda: self.ready(NODE_NAME))
        said, _ = compiler.communicate()
        if compiler.returncode != 0:
            raise NotReady(f"what pods run cannot be imported: {said}")

    def stop(self) -> None:
        """End every process; what it had mounted and linked goes with it."""
        self._isolation.stop()
        for server in self._servers:
            server.kill()
        if self._control_plane is not None:
            self._control_plane.stop()

    @property
    def control_plane(self) -> ControlPlane:
        """Once it has started."""
        assert self._control_plane is not None
        return self._control_plane

    def audit(self, user: str | None = None) -> Iterator[Object]:
        """What the API server was asked, oldest first; ``user`` e.g. system:serviceaccount:ns:name."""
        return self.control_plane.audit(user)

    # -- volumes ----------------------------------------------------------------------------------------------------

    def offer_volumes(self, count: int) -> None:
        """Volumes of the default StorageClass, for claims that pods of any user may write to.

        A ``local`` volume takes on the pod's fsGroup, as a cloud's disk does; those of the controller manager's own
        provisioner do not.
        """
        made = []
        for _ in range(count):
            self._volumes += 1
            path = self.folder / "volumes" / str(self._volumes)
            path.mkdir(parents=True)
            made.append(_local_volume(f"volume-{self._volumes}", path))
        self.apply(made)

    def mount_machine(self, namespace: str) -> tuple[list[Object], list[Object]]:
        """Volumes and mounts that make the image ``machine`` whole, on claims in the namespace.

        Claims, because PodSecurity ``restricted`` refuses volumes of the host in a pod.
        """
        objects, volumes, mounts = [], [], []
        for number, path in enumerate(images.mounted_paths()):
            name = f"machine-{number}"
            objects += _host_volume(f"{namespace}-{name}", path, namespace, name)
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": name, "readOnly": True}})
            mounts.append({"name": name, "mountPath": str(path), "readOnly": True})
        self.apply(objects, namespace)
        return volumes, mounts


def _local_volume(name: str, path: Path) -> Object:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "storageClassName": STORAGE_CLASS,
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def _host_volume(volume: str, path: Path, namespace: str, claim: str) -> list[Object]:
    shape = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                **shape,
                "capacity": {"storage": "1Gi"},
                "hostPath": {"path": str(path)},
                "claimRef": {"namespace": namespace, "name": claim},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim},
            "spec": {**shape, "volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}},
        },
    ]
