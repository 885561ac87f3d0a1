"""A Kubernetes cluster for tests: a real control plane, and nodes that KWOK plays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.cluster.binaries import CONTROL_PLANE, find
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.processes import Process, free_port
from tests.cluster.proxy import TcpProxy
from tests.cluster.stages import logs_of_main, stages


class Cluster(Kubectl):
    """Level 1: no root, no containers. ``start`` takes some ten seconds."""

    def __init__(self, folder: Path) -> None:
        binaries = find(CONTROL_PLANE)
        self.control_plane = ControlPlane(folder, binaries)
        super().__init__(folder, binaries / "kubectl", self.control_plane.kubeconfig)
        self.binaries = binaries
        self._proxy: TcpProxy | None = None
        self._kwoks: dict[str, Process] = {}
        self._kubelet_ports: dict[str, int] = {}

    # -- life -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Raises NotReady, Missing."""
        self.control_plane.start()
        self._start_kwok("fake")
        self.add_node("node-0")
        self.make_default_storage_class("standard", provisioner="kubernetes.io/host-path")
        self.install_crds()

    def stop(self) -> None:
        """End every process."""
        if self._proxy is not None:
            self._proxy.close()
        for kwok in self._kwoks.values():
            kwok.kill()
        self.control_plane.stop()

    def stop_apiserver(self) -> None:
        """The API server is gone until ``start_apiserver``."""
        self.control_plane.stop_apiserver()

    def start_apiserver(self) -> None:
        """At the same address as before."""
        self.control_plane.start_apiserver()

    def _start_kwok(self, nodes: str, log: Path | None = None) -> None:
        """Plays the nodes whose annotation kwok.x-k8s.io/node says ``nodes``; ``log``: what their containers say."""
        config = self.folder / f"stages-{nodes}.yaml"
        documents = [*stages(), *([logs_of_main(log)] if log is not None else [])]
        config.write_text("\n---\n".join(json.dumps(d) for d in documents))
        if log is not None:
            self._kubelet_ports[nodes] = free_port()
        command = [
            self.binaries / "kwok",
            f"--kubeconfig={self.kubeconfig}",
            f"--config={config}",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node={nodes}",
            "--node-lease-duration-seconds=10",
            *([f"--server-address=127.0.0.1:{self._kubelet_ports[nodes]}"] if log is not None else []),
        ]
        self._kwoks[nodes] = Process(f"kwok-{nodes}", command, self.folder)

    # -- access -----------------------------------------------------------------------------------------------------

    @property
    def proxy(self) -> TcpProxy:
        """The proxy before the API server; one for the whole cluster, so put its ``mode`` back."""
        if self._proxy is None:
            self._proxy = TcpProxy(self.control_plane.address, self.control_plane.port)
        return self._proxy

    def proxied(self, path: Path) -> Path:
        """The same kubeconfig, by way of the proxy."""
        text = path.read_text().replace(self.control_plane.url, f"https://127.0.0.1:{self.proxy.port}")
        other = path.with_suffix(".proxied.kubeconfig")
        other.write_text(text)
        return other

    def audit(self, user: str | None = None) -> Iterator[Object]:
        """What the API server was asked, oldest first; ``user`` e.g. system:serviceaccount:ns:name."""
        return self.control_plane.audit(user)

    # -- nodes ------------------------------------------------------------------------------------------------------

    def add_node(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
        gpus: int = 0,
        cpu: str = "64",
        memory: str = "256Gi",
        played_by: str = "fake",
        log: Path | None = None,
    ) -> None:
        """A node that KWOK plays; returns when it is Ready. Nodes with another ``played_by`` can be lost together.

        ``log``: a file in the runtime's format that is the log of all their containers; else there are no logs.
        """
        if played_by not in self._kwoks:
            self._start_kwok(played_by, log)
        resources = {"cpu": cpu, "memory": memory, "pods": "500", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {"kubernetes.io/hostname": name, **(labels or {})},
                "annotations": {"kwok.x-k8s.io/node": played_by},
            },
            "spec": {"taints": list(taints)},
        }
        self.apply(node)
        status: Object = {"status": {"capacity": resources, "allocatable": resources}}
        if played_by in self._kubelet_ports:
            status["status"]["addresses"] = [{"type": "InternalIP", "address": "127.0.0.1"}]
            status["status"]["daemonEndpoints"] = {"kubeletEndpoint": {"Port": self._kubelet_ports[played_by]}}
        self.patch("node", name, "default", status, "--subresource=status")
        self.until(lambda: self.ready(name), f"{name} is Ready")

    def lose_nodes(self, played_by: str) -> None:
        """Nobody answers for these nodes and their pods any more."""
        self._kwoks.pop(played_by).kill()

    def remove_node(self, name: str) -> None:
        """Delete it."""
        self.kubectl("delete", "node", name)

    def evict(self, pod: str, namespace: str) -> None:
        """By the eviction API, as a drain does."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        self.kubectl(
            "create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", "-f", "-", stdin=json.dumps(body)
        )
