"""CoreDNS inside the node's namespaces: a process, with a Service that points at it."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.cluster.isolation import Isolation
from tests.cluster.kubelet import DNS_ADDRESS
from tests.cluster.processes import Process

READY_PORT = 8181


def start_coredns(folder: Path, binaries: Path, isolation: Isolation, kubeconfig: Path) -> Process:
    """Returns when it knows the cluster's Services. Raises NotReady."""
    # No cache: whoever asks for a pod's name before the pod has an address would be told "no" for a while.
    (folder / "Corefile").write_text(f"""
.:53 {{
  bind {isolation.address}
  errors
  ready {isolation.address}:{READY_PORT}
  kubernetes cluster.local {{
    kubeconfig {kubeconfig}
  }}
}}
""")
    command = [binaries / "coredns", f"-conf={folder / 'Corefile'}"]
    process = Process("coredns", [*isolation.enter, *command], folder)
    process.until(lambda: _ready(f"http://{isolation.address}:{READY_PORT}/ready"))
    return process


def dns_service(address: str) -> list[dict[str, Any]]:
    """The Service that pods ask, without a selector, and where it leads."""
    ports = [{"name": name.lower(), "port": 53, "protocol": name} for name in ("UDP", "TCP")]
    meta = {"name": "kube-dns", "namespace": "kube-system"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"clusterIP": DNS_ADDRESS, "ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": ports,
        },
    ]


def _ready(url: str) -> bool:
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
