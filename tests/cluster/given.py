"""A cluster that is there already, by $KUBECONFIG: kind, or any other that may be used for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.cluster.binaries import Missing, find
from tests.cluster.kubectl import Kubectl


class GivenCluster(Kubectl):
    """Every object of the tests is in namespaces of their own, which ``stop`` deletes; what is cluster-wide stays."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("kubectl") or find(("kubectl",)) / "kubectl"
        view = [program, "config", "view", "--raw", "--minify", "--flatten", "-o", "json"]
        done = subprocess.run(view, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"KUBECONFIG={os.environ['KUBECONFIG']} cannot be used: {done.stderr.strip()}")
        kubeconfig = folder / "admin.kubeconfig"
        kubeconfig.write_text(done.stdout)
        super().__init__(folder, program, kubeconfig, prefix=f"sweep-e2e-{os.getpid()}-")
        self._made: list[str] = []

    def start(self) -> None:
        """Raises KubectlFailed when the cluster does not answer."""
        json.loads(self.kubectl("version", "-o", "json"))

    def stop(self) -> None:
        """Delete the tests' namespaces."""
        if self._made:
            self.kubectl("delete", "namespace", "--ignore-not-found", "--wait=false", *self._made)

    def namespace(self, **labels: str) -> str:
        """A new one, with its default ServiceAccount."""
        name = super().namespace(**labels)
        self._made.append(name)
        return name
