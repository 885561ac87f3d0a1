"""kubelet and kube-proxy, inside the node's namespaces."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.containerd import POD_NETWORK, SOCKET
from tests.cluster.control_plane import ControlPlane
from tests.cluster.isolation import Isolation
from tests.cluster.processes import Process

NODE = "node1"
USER, GROUP = f"system:node:{NODE}", "system:nodes"
PROXY_USER = "system:kube-proxy"
DNS_ADDRESS = "10.96.0.10"


def start_kubelet(folder: Path, binaries: Path, isolation: Isolation, control_plane: ControlPlane) -> Process:
    """It registers the node ``node1``."""
    config = folder / "kubelet.json"
    config.write_text(json.dumps(kubelet_config(folder, isolation, control_plane)))
    (folder / "resolv.conf").write_text("")  # pods ask the cluster's DNS, and it asks nobody
    command = [
        binaries / "kubelet",
        f"--config={config}",
        f"--kubeconfig={control_plane.kubeconfig_of(USER)}",
        f"--root-dir={folder / 'kubelet'}",
        f"--cert-dir={folder / 'kubelet-certs'}",
        f"--hostname-override={NODE}",
        f"--node-ip={isolation.address}",
    ]
    return Process("kubelet", [*isolation.enter, *command], folder)


def kubelet_config(folder: Path, isolation: Isolation, control_plane: ControlPlane) -> dict[str, object]:
    """What differs from the kubelet's own defaults."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": isolation.address,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(control_plane.kubelet_client)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        "podLogsDir": str(folder / "pod-logs"),
        "containerLogMaxSize": "1Mi",
        "containerLogMonitorInterval": "3s",
        "volumePluginDir": str(folder / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{isolation.cgroup}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "protectKernelDefaults": True,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeLeaseDurationSeconds": 20,
    }


def start_kube_proxy(folder: Path, binaries: Path, isolation: Isolation, control_plane: ControlPlane) -> Process:
    """Service addresses, by nftables."""
    command = [
        binaries / "kube-proxy",
        f"--kubeconfig={control_plane.kubeconfig_of(PROXY_USER)}",
        f"--hostname-override={NODE}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={POD_NETWORK}",
        "--conntrack-max-per-core=0",  # a setting of the whole machine
    ]
    return Process("kube-proxy", [*isolation.enter, *command], folder)
