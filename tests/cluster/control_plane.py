"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler as child processes. No root needed."""

from __future__ import annotations

import json
import secrets
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.processes import NotReady, Process, free_port

SERVICE_RANGE = "10.96.0.0/16"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlane:
    """Ready when ``start`` returns.

    ``address``: where the API server listens and is told to others; ``with_node``: a kubelet joins; ``enter``: what
    goes before each command; ``users``: further users with their groups.
    """

    def __init__(
        self,
        folder: Path,
        binaries: Path,
        *,
        address: str = "127.0.0.1",
        with_node: bool = False,
        enter: Sequence[str] = (),
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.binaries, self.address = folder, binaries, address
        self._with_node, self._enter = with_node, list(enter)
        self._groups = {"admin": "system:masters", **(users or {})}
        self._tokens = {user: secrets.token_urlsafe() for user in self._groups}
        self.port = free_port()
        self._etcd_port, self._etcd_peer = free_port(), free_port()
        self.kubeconfig = folder / "admin.kubeconfig"
        self.audit_log = folder / "audit.log"
        self.processes: dict[str, Process] = {}
        self._starts: list[tuple[datetime, datetime]] = []

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
        lines = [f'{token},{user},{user},"{self._groups[user]}"' for user, token in self._tokens.items()]
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n")
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self._start_etcd()
        self.start_apiserver()
        self.kubeconfig_of("admin")
        self._start_controllers()

    def kubeconfig_of(self, user: str) -> Path:
        """The user's kubeconfig."""
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        path.write_text(json.dumps(kubeconfig(self.url, self.certificate, self._tokens[user])))
        return path

    def stop(self) -> None:
        """Everything; the API server before its store."""
        for name in ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            process = self.processes.pop(name, None)
            if process is not None:
                process.kill()

    def audit(self, user: str | None = None) -> Iterator[dict[str, Any]]:
        """What the API server was asked, oldest first; ``user`` e.g. system:serviceaccount:ns:name."""
        with self.audit_log.open() as lines:
            for line in lines:
                if not line.endswith("\n"):
                    return
                event = json.loads(line)
                if user is None or event["user"].get("username") == user:  # a rejected token has none
                    yield event

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
            "--audit-log-maxsize=4096",  # MiB: one file, with the whole session
            # a pod on a lost node is evicted after seconds instead of minutes
            "--default-not-ready-toleration-seconds=3",
            "--default-unreachable-toleration-seconds=3",
            "--allow-privileged",  # as kubeadm and the clouds set it
            # on where clusters are shared (OpenShift): who sets an owner reference needs rights on the owner
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--kubelet-preferred-address-types=InternalIP",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        ]
        if self._with_node:  # how it proves to the kubelet who it is
            command += [
                f"--kubelet-client-certificate={self.kubelet_client}",
                f"--kubelet-client-key={f / 'kubelet.key'}",
            ]
        began = datetime.now(UTC)
        self._run("kube-apiserver", command).until(self._answers)
        self._starts.append((began, datetime.now(UTC)))

    def was_starting(self, when: str) -> bool:
        """Whether the API server was not ready at that time (RFC 3339), though it may have answered."""
        return any(began <= datetime.fromisoformat(when) <= ready for began, ready in self._starts)

    def stop_apiserver(self) -> None:
        """SIGTERM, as a maintenance does."""
        self.processes["kube-apiserver"].stop(15)

    def _answers(self) -> bool:
        etcd = self.processes["etcd"]
        if etcd.exit_code is not None:
            raise NotReady(f"etcd ended with {etcd.exit_code}:\n{etcd.tail()}")
        if not self.certificate.exists():
            return False
        context = ssl.create_default_context(cafile=str(self.certificate))
        request = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {self._tokens['admin']}"}
        )
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

        if self._with_node:
            names = ["-keyout", self.folder / "kubelet.key", "-out", self.kubelet_client]
            request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=apiserver", *names]
            subprocess.run(request, check=True, capture_output=True)

    @property
    def kubelet_client(self) -> Path:
        """The API server's certificate as a client of the kubelet; its own authority."""
        return self.folder / "kubelet.crt"

    def _run(self, name: str, command: Sequence[str | Path]) -> Process:
        process = self.processes[name] = Process(name, [*self._enter, *command], self.folder)
        return process

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
        self._run("etcd", command)

    def _start_controllers(self) -> None:
        f = self.folder
        self._run(
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
                # a node may be slow to say that it lives while others use every core
                f"--node-monitor-grace-period={40 if self._with_node else 20}s",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
                "--concurrent-job-syncs=20",
            ],
        )
        self._run(
            "kube-scheduler",
            [
                self.binaries / "kube-scheduler",
                f"--kubeconfig={self.kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ],
        )

    def pause(self, name: str) -> None:
        """SIGSTOP one of the servers."""
        self.processes[name].send(signal.SIGSTOP)


def kubeconfig(url: str, certificate: Path, token: str) -> dict[str, Any]:
    """A kubeconfig (JSON is YAML)."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
        "current-context": "test",
    }
