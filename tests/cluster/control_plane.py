"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler as child processes. No root needed."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.cluster.processes import Process, free_port

ADMIN_TOKEN = "admin-of-the-test-cluster"
SERVICE_RANGE = "10.96.0.0/16"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlane:
    """Ready when ``start`` returns. ``address``: where the API server listens and is told to others."""

    def __init__(self, folder: Path, binaries: Path, *, address: str = "127.0.0.1", with_node: bool = False) -> None:
        self.folder, self.binaries, self.address = folder, binaries, address
        self._with_node = with_node
        self.port = free_port()
        self._etcd_port, self._etcd_peer = free_port(), free_port()
        self.kubeconfig = folder / "admin.kubeconfig"
        self.audit_log = folder / "audit.log"
        self.processes: dict[str, Process] = {}

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def certificate(self) -> Path:
        """The API server's own certificate, which is its authority too."""
        return self.folder / "certs" / "apiserver.crt"

    def start(self) -> None:
        """Raises NotReady."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keys()
        (self.folder / "tokens.csv").write_text(f'{ADMIN_TOKEN},admin,admin,"system:masters"\n')
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self._start_etcd()
        self.start_apiserver()
        self.kubeconfig.write_text(json.dumps(kubeconfig(self.url, self.certificate, ADMIN_TOKEN)))
        self._start_controllers()

    def stop(self) -> None:
        """Everything; the API server before its store."""
        for name in ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            process = self.processes.pop(name, None)
            if process is not None:
                process.kill()

    # -- the API server alone ---------------------------------------------------------------------------------------

    def start_apiserver(self) -> None:
        """At the same port as before. Returns when it answers."""
        f = self.folder
        command = [
            self.binaries / "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--bind-address={self.address}",
            f"--advertise-address={self.address}" if self._with_node else "--endpoint-reconciler-type=none",
            f"--external-hostname={self.address}",
            f"--secure-port={self.port}",
            f"--cert-dir={f / 'certs'}",
            f"--authorization-mode={'Node,RBAC' if self._with_node else 'RBAC'}",
            f"--token-auth-file={f / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={f / 'sa.pub'}",
            f"--service-account-signing-key-file={f / 'sa.key'}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            f"--audit-policy-file={f / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            # a pod on a lost node is evicted after seconds instead of minutes
            "--default-not-ready-toleration-seconds=3",
            "--default-unreachable-toleration-seconds=3",
            "--kubelet-preferred-address-types=InternalIP",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        ]
        process = self.processes["kube-apiserver"] = Process("kube-apiserver", command, self.folder)
        process.until(self._answers)

    def stop_apiserver(self) -> None:
        """SIGTERM, as a maintenance does."""
        self.processes["kube-apiserver"].stop(15)

    def _answers(self) -> bool:
        if not self.certificate.exists():
            return False
        context = ssl.create_default_context(cafile=str(self.certificate))
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    # -- the others -------------------------------------------------------------------------------------------------

    def _keys(self) -> None:
        key, public = self.folder / "sa.key", self.folder / "sa.pub"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)

    def _start_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._etcd_peer}"
        command = [
            self.binaries / "etcd",
            "--unsafe-no-fsync",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]
        self.processes["etcd"] = Process("etcd", command, self.folder)

    def _start_controllers(self) -> None:
        f = self.folder
        self.processes["kube-controller-manager"] = Process(
            "kube-controller-manager",
            [
                self.binaries / "kube-controller-manager",
                f"--kubeconfig={self.kubeconfig}",
                "--use-service-account-credentials",
                f"--service-account-private-key-file={f / 'sa.key'}",
                f"--root-ca-file={self.certificate}",
                "--controllers=*,-nodeipam",
                "--leader-elect=false",
                "--secure-port=0",
                "--enable-hostpath-provisioner",
                "--node-monitor-period=1s",
                "--node-monitor-grace-period=10s",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
                "--concurrent-job-syncs=20",
            ],
            self.folder,
        )
        self.processes["kube-scheduler"] = Process(
            "kube-scheduler",
            [
                self.binaries / "kube-scheduler",
                f"--kubeconfig={self.kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ],
            self.folder,
        )

    def pause(self, name: str) -> None:
        """SIGSTOP one of the servers."""
        self.processes[name].send(signal.SIGSTOP)


def kubeconfig(url: str, certificate: Path, token: str, namespace: str = "default") -> dict[str, Any]:
    """A kubeconfig (JSON is YAML)."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        "current-context": "test",
    }
