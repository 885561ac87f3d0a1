"""A cluster as its administrator sees it: kubectl, and what tests ask it. Any cluster: ours, or one of a kubeconfig."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Object = dict[str, Any]
PATIENCE = 180.0
"""Seconds to wait for what takes two: a busy machine is several times slower, and waiting longer costs nothing."""
CRDS = Path(__file__).parents[2] / "crds"


class KubectlFailed(Exception):
    """kubectl's exit code was not 0. ``str()`` is what it printed to standard error."""


class Kubectl:
    """``folder``: where kubeconfigs of accounts are put; ``prefix``: of the namespaces' names."""

    def __init__(self, folder: Path, program: str | Path, kubeconfig: Path, *, prefix: str = "t") -> None:
        self.folder, self.kubeconfig, self._program, self._prefix = folder, kubeconfig, program, prefix
        self._numbers = itertools.count()

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line of kubectl as the administrator, for who runs it otherwise."""
        return [str(part) for part in (self._program, f"--kubeconfig={self.kubeconfig}", *arguments)]

    def kubectl(self, *arguments: str | Path, stdin: str | None = None, timeout: float = PATIENCE) -> str:
        """kubectl as the administrator; its standard output. Raises KubectlFailed."""
        command = self.command(*arguments)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode != 0:
            raise KubectlFailed(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def apply(self, what: Path | Object | Sequence[Object], namespace: str = "default") -> None:
        """``kubectl apply`` of a file, or of objects."""
        if isinstance(what, Path):
            self.kubectl("apply", "-n", namespace, "-f", what)
            return
        items = [what] if isinstance(what, dict) else list(what)
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)

    def install_crds(self) -> None:
        """What `kubectl apply -f crds/` does."""
        self.kubectl("apply", "--server-side", "-f", CRDS)
        self.until_kinds_are_served()

    def until_kinds_are_served(self) -> None:
        """After they were created: until the API server serves them and asks the policies."""
        self.until(self._policies_are_asked, "the kinds are served and the admission policies asked")

    def _policies_are_asked(self) -> bool:
        run = {
            "apiVersion": "metta.ai/v1alpha1",
            "kind": "SweepRun",
            "metadata": {"name": "any.r.1"},
            "spec": {"sweepName": "any", "parameters": {}},
        }
        try:
            self.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(run))
        except KubectlFailed as error:
            return "ValidatingAdmissionPolicy" in str(error)
        return False

    def make_default_storage_class(self, name: str, **fields: str) -> None:
        """The class of claims that name none."""
        metadata = {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
        self.apply({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, **fields})

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        """One object. Raises KubectlFailed."""
        return dict(json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json")))

    def list(self, kind: str, namespace: str = "default", **labels: str) -> list[Object]:
        """Objects of a kind."""
        selector = ["-l", ",".join(f"{k}={v}" for k, v in labels.items())] if labels else []
        return list(json.loads(self.kubectl("get", kind, "-n", namespace, *selector, "-o", "json"))["items"])

    def names(self, kinds: str, namespace: str = "default") -> list[str]:
        """``kind/name`` of all objects of the kinds."""
        return self.kubectl("get", kinds, "-n", namespace, "-o", "name").split()

    def fails(self, *arguments: str | Path) -> str:
        """What kubectl says, which must not succeed. Raises AssertionError."""
        try:
            said = self.kubectl(*arguments)
        except KubectlFailed as error:
            return str(error)
        raise AssertionError(f"kubectl {' '.join(map(str, arguments))} has succeeded: {said}")

    def patch(self, kind: str, name: str, namespace: str, patch: Mapping[str, Any], *options: str) -> None:
        """A merge patch."""
        self.kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(patch), *options)

    def namespace(self, **labels: str) -> str:
        """A new one, with its default ServiceAccount."""
        name = f"{self._prefix}{next(self._numbers)}"
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self.until(lambda: self._has("serviceaccount", "default", name), f"namespace {name} has its account")
        return name

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait until ``holds()``. Raises AssertionError naming ``what``.

        An error of kubectl does not end it: the object may not exist yet, and an API server may be too busy to answer.
        """
        deadline = time.monotonic() + seconds
        while True:
            error = ""
            try:
                if holds():
                    return
            except KubectlFailed as failed:
                error = f" ({failed})"
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}{error}"
            time.sleep(0.2)

    def kubeconfig_for(self, namespace: str, account: str) -> Path:
        """With a token of a ServiceAccount."""
        token = self.kubectl("create", "token", account, "-n", namespace, "--duration=24h").strip()
        config = json.loads(self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        config["users"][0]["user"] = {"token": token}
        config["contexts"][0]["context"]["namespace"] = namespace
        path = self.folder / f"{namespace}-{account}.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def until_allowed(self, kubeconfig: Path, namespace: str, verb: str, what: str) -> None:
        """Until the API server knows the roles and bindings that were just created for the kubeconfig's account."""
        ask = ("auth", "can-i", verb, what, f"--kubeconfig={kubeconfig}", "-n", namespace)
        self.until(lambda: self.kubectl(*ask).strip() == "yes", f"{kubeconfig.name} may {verb} {what}")

    def ready(self, node: str) -> bool:
        """Whether the node is there and Ready, and pods are scheduled to it."""
        if not self._has("node", node, "default"):
            return False
        found = self.get("node", node)
        conditions = (found.get("status") or {}).get("conditions") or []
        waits = any(t["key"].startswith("node.kubernetes.io/") for t in found["spec"].get("taints") or [])
        return not waits and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _has(self, kind: str, name: str, namespace: str) -> bool:
        try:
            self.get(kind, name, namespace)
        except KubectlFailed:
            return False
        return True
