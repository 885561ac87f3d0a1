"""Somebody who uses the cluster: an account with a Role, a kubeconfig, kubectl, and our plugin on the PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from dev.generate.rbac import EDIT_RULES, VIEW_RULES
from sweep_operator.kubectl.main import cli
from tests.cluster.kubectl import PATIENCE, Kubectl

Rule = tuple[str, str, str]
"""API group, resource, verbs by commas."""
VIEW, EDIT = (
    tuple(
        (group, resource, ",".join(rule["verbs"]))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    )
    for rules in (VIEW_RULES, [*VIEW_RULES, *EDIT_RULES])
)
"""What the chart's roles for viewers and editors give: the plugin must need no more."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Person:
    """An account of one namespace that may do what the rules say, and nothing else."""

    def __init__(self, cluster: Kubectl, namespace: str, name: str, rules: Sequence[Rule]) -> None:
        self.namespace, self._cluster = namespace, cluster
        meta = {"name": name, "namespace": namespace}
        role = [{"apiGroups": [g], "resources": [r], "verbs": v.split(",")} for g, r, v in rules]
        rbac = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", **meta}
        cluster.apply(
            [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
                {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": role},
                {
                    "apiVersion": f"{rbac}/v1",
                    "kind": "RoleBinding",
                    "metadata": meta,
                    "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
                    "subjects": [subject],
                },
            ],
            namespace,
        )
        self.kubeconfig = cluster.kubeconfig_for(namespace, name)
        if rules:
            group, resource, verbs = rules[0]
            first = f"{resource}.{group}" if group else resource
            cluster.until_allowed(self.kubeconfig, namespace, verbs.split(",")[0], first)
        self.account = f"system:serviceaccount:{namespace}:{name}"

    @property
    def token(self) -> str:
        """The bearer token."""
        return str(json.loads(self.kubeconfig.read_text())["users"][0]["user"]["token"])

    def sweep(self, *arguments: str, stdin: str | None = None, **environment: str) -> Done:
        """``kubectl sweep ...`` to its end, in this process: a new one imports for a second."""
        env = {"KUBECONFIG": str(self.kubeconfig), "COLUMNS": "200", **environment}
        result = CliRunner(env=env).invoke(cli, arguments, input=stdin, prog_name="kubectl sweep")
        return Done(result.exit_code, result.stdout, result.stderr)

    def does(self, *arguments: str, stdin: str | None = None) -> Done:
        """As ``sweep``, and it succeeds."""
        done = self.sweep(*arguments, stdin=stdin)
        assert done.code == 0, f"{arguments}: {done}"
        return done

    def kubectl(self, *arguments: str) -> Done:
        """A real kubectl to its end."""
        return self.run([self._cluster.command()[0], *arguments])

    def run(self, command: Sequence[str]) -> Done:
        """Any command in a shell of theirs."""
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            cwd=self._cluster.folder,
            env=self.environment(),
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def environment(self, **others: str) -> dict[str, str]:
        """Of a shell in which kubectl finds the plugin."""
        kubectl = Path(self._cluster.command()[0]).parent
        path = os.pathsep.join([str(Path(sys.executable).parent), str(kubectl), os.environ["PATH"]])
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.kubeconfig), "COLUMNS": "200", **others}

    def command(self, *arguments: str) -> list[str]:
        """``kubectl sweep ...``, for who starts it otherwise."""
        return [self._cluster.command()[0], "sweep", *arguments]
