"""The operator as platform engineers install it: the chart, by helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.binaries import find
from tests.cluster.kubectl import Kubectl, KubectlFailed, Object

CHART = Path(__file__).parents[2] / "charts" / "sweep-operator"
Values = Mapping[str, Any]


class HelmFailed(Exception):
    """helm's exit code was not 0. ``str()`` is what it printed."""


class Helm:
    """The command; what it keeps for itself lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("helm") or find(("helm",)) / "helm"
        self.folder = folder

    def run(self, *arguments: str | Path, timeout: float = 300) -> str:
        """Its standard output. Raises HelmFailed."""
        homes = {f"HELM_{what}_HOME": str(self.folder / "helm") for what in ("CACHE", "CONFIG", "DATA")}
        done = subprocess.run(
            [str(self.program), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **homes},
        )
        if done.returncode != 0:
            raise HelmFailed(done.stderr.strip() + "\n" + done.stdout.strip())
        return done.stdout

    def values(self, values: Values) -> Path:
        """As a file (JSON is YAML)."""
        path = self.folder / "values.json"
        path.write_text(json.dumps(values))
        return path


class Release:
    """The chart in one namespace of a cluster. ``values``: what this cluster needs, beside the chart's own."""

    def __init__(self, cluster: Kubectl, namespace: str, values: Values, *, name: str = "sweep-operator") -> None:
        self.cluster, self.namespace, self.name, self._values = cluster, namespace, name, values
        self.helm = Helm(cluster.folder)

    @property
    def account(self) -> str:
        """The operator's name in the audit log."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def install(self, **values: Any) -> str:
        """``helm upgrade --install``, until the operator is ready; what it says. Raises HelmFailed."""
        given = self.helm.values({**self._values, **values})
        # on a cluster that others have tested on, the kinds are there and belong to a release that is gone
        options = ["--install", "--take-ownership", "--wait", "--timeout=180s", f"--values={given}"]
        said = self._helm("upgrade", self.name, CHART, *options)
        self.cluster.until_kinds_are_served()
        return said

    upgrade = install

    def test(self) -> str:
        """``helm test``. Raises HelmFailed."""
        return self._helm("test", self.name, "--logs")

    def uninstall(self, *options: str) -> str:
        """Raises HelmFailed."""
        return self._helm("uninstall", self.name, "--wait", "--timeout=180s", *options)

    def pods(self) -> list[Object]:
        """The operator's."""
        labels = {"app.kubernetes.io/instance": self.name, "app.kubernetes.io/component": "operator"}
        return self.cluster.list("pods", self.namespace, **labels)

    def log(self) -> str:
        """The end of the operator's log, and how its pods are."""
        try:
            return self.cluster.kubectl("logs", f"deployment/{self.name}", "-n", self.namespace, "--tail=40")
        except KubectlFailed as error:
            return str(error)

    def _helm(self, *arguments: str | Path) -> str:
        return self.helm.run(*arguments, f"--namespace={self.namespace}", f"--kubeconfig={self.cluster.kubeconfig}")
