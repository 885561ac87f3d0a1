"""The operator as users start it: the installed command, under its own service account."""

from __future__ import annotations

import itertools
import json
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

from dev.generate.rbac import manifests
from sweep_operator.api.names import MANAGED_BY
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.processes import Process, free_port

_numbers = itertools.count()


class Operator:
    """One process for one namespace. ``start`` may be called again after it has ended.

    ``account``: its ServiceAccount, roles and bindings; default those of deploy/.
    """

    def __init__(
        self,
        cluster: Kubectl,
        namespace: str,
        *options: str,
        kubeconfig: Path | None = None,
        account: list[Object] | None = None,
    ) -> None:
        self.cluster, self.namespace, self._options = cluster, namespace, options
        cluster.apply(account or manifests("namespace", namespace), namespace)
        self.kubeconfig = kubeconfig or cluster.kubeconfig_for(namespace, MANAGED_BY)
        self.port = free_port()
        self._name = f"operator-{namespace}-{next(_numbers)}"
        self.process: Process | None = None

    @property
    def account(self) -> str:
        """Its name in the audit log."""
        return f"system:serviceaccount:{self.namespace}:{MANAGED_BY}"

    def start(self, *, ready: bool = True) -> Operator:
        """Returns when it is ready, or (``ready`` False) at once. Raises NotReady."""
        command = [
            Path(sys.executable).with_name("sweep-operator"),
            f"--namespace={self.namespace}",
            f"--kubeconfig={self.kubeconfig}",
            f"--port={self.port}",
            "--host=127.0.0.1",
            "--lease-seconds=10",
            *self._options,
        ]
        self.process = Process(self._name, command, self.cluster.folder)
        if ready:
            self.process.until(self.ready)
        return self

    def __enter__(self) -> Operator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ready(self) -> bool:
        """/readyz says yes."""
        return self.asks("/readyz") is not None

    def asks(self, path: str) -> str | None:
        """The body of a 200, else None."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None

    def stop(self) -> None:
        """SIGTERM, until it has ended."""
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        assert self.process is not None
        self.process.send(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.send(signal.SIGCONT)

    def lines(self) -> list[Object]:
        """Its log so far; every line is JSON."""
        assert self.process is not None
        *whole, _unfinished = self.process.log.read_text().split("\n")
        return [json.loads(line) for line in whole]
