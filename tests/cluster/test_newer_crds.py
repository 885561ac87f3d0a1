"""One operator process under the CRDs of a newer version and back, on a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.generate.crd import run_crd, sweep_crd
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import condition, ended, runs, sweep, until_reason

NEW_POLICY, NEW_CLASS = "pause", "throttled"


def newer_crds() -> list[Object]:
    """Fields with defaults in spec and status, at the top and nested, and further enum values."""
    crds = [sweep_crd(), run_crd()]
    spec, status = (_properties(crds[0], part) for part in ("spec", "status"))
    spec["budget"] = {"type": "object", "default": {}, "properties": {"gpuHours": {"type": "number", "default": 100}}}
    spec["limits"]["properties"]["maxGpuHours"] = {"type": "integer", "default": 50}
    spec["suspendPolicy"]["enum"].append(NEW_POLICY)
    status["energy"] = {"type": "number"}
    status["cost"]["properties"]["co2"] = {"type": "number"}
    spec, status = (_properties(crds[1], part) for part in ("spec", "status"))
    spec["priority"] = {"type": "integer", "default": 0}
    status["train"]["properties"]["zone"] = {"type": "string", "default": "a"}
    status["failure"]["properties"]["class"]["enum"].append(NEW_CLASS)
    return crds


def _properties(crd: Object, part: str) -> dict[str, Any]:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict.__getitem__(schema["properties"][part], "properties")


@contextmanager
def crds_of_a_newer_version(cluster: Cluster) -> Iterator[None]:
    try:
        install(cluster, newer_crds())
        yield
    finally:
        install(cluster, [sweep_crd(), run_crd()])


def install(cluster: Cluster, crds: list[Object]) -> None:
    """Return when the schema is served, and the API server has closed the watches that know the one before."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": crds})
    with _watches_until_closed(cluster, "sweeps"), _watches_until_closed(cluster, "sweepruns"):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
    wanted = "budget" in json.dumps(crds)

    def served() -> bool:
        found = cluster.kubectl("get", "--raw", "/openapi/v3/apis/metta.ai/v1alpha1")
        return ("gpuHours" in found) == wanted

    cluster.until(served, "the API server serves the new schema")


@contextmanager
def _watches_until_closed(cluster: Cluster, resource: str) -> Iterator[None]:
    """Watch from before the block; return when the API server ends the watch, as it does when the schema changed.

    Until then, its events lack the fields that only the newer schema has. An object of the resource must exist.
    """
    command = cluster.command("get", "--raw", f"/apis/metta.ai/v1alpha1/{resource}?watch=1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        try:
            assert watch.stdout is not None
            assert watch.stdout.readline(), "the watch has begun"
            yield
            watch.communicate(timeout=150)  # it waits for the requests that are being served
        finally:
            watch.kill()


def patch(cluster: Cluster, namespace: str, kind: str, name: str, body: Object, *options: str) -> None:
    cluster.kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(body), *options)


def plugin(cluster: Cluster, namespace: str, *arguments: str) -> str:
    command = [Path(sys.executable).with_name("kubectl-sweep"), *arguments, "-n", namespace]
    env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_newer_crd_and_back_without_a_restart(cluster: Cluster, namespace: str, operator: Operator) -> None:
    def read() -> Object:
        return cluster.get("sweep", "s", namespace)

    def accepted() -> Object:
        return condition(read(), "Accepted")

    cluster.apply(sweep("s", limits={"maxRuns": 3}, env={"TEST_SECONDS": "3s"}), namespace)
    cluster.until(lambda: bool(runs(cluster, namespace, "s")), "a run exists")
    with crds_of_a_newer_version(cluster):
        patches = 0

        def finished() -> bool:
            nonlocal patches
            now = read()
            if "energy" not in now["status"]:
                newer = {"status": {"energy": 7, "cost": {"co2": 2}}}
                patch(cluster, namespace, "sweep", "s", newer, "--subresource=status")
                patches += 1
                return False
            return condition(now).get("reason") == "MaxRunsReached"

        cluster.until(finished, "it ends")
        assert patches == 1, "no write of the operator erases them"
        assert accepted()["status"] == "True"
        assert read()["spec"]["limits"]["maxGpuHours"] == 50
        assert (read()["status"]["energy"], read()["status"]["cost"]["co2"]) == (7, 2), "nothing is erased"
        assert all(condition(run)["status"] == "True" for run in runs(cluster, namespace, "s"))
        assert "MaxRunsReached" in plugin(cluster, namespace, "status", "s")

        # an unknown value: no new run, and the result of the live one is recorded
        slow = {"env": [{"name": "TEST_SECONDS", "value": "15s"}]}  # the next edit comes before the run's end
        patch(cluster, namespace, "sweep", "s", {"spec": {"limits": {"maxRuns": 5}, "train": slow}})
        cluster.until(lambda: len(runs(cluster, namespace, "s")) == 4, "it continues")
        patch(cluster, namespace, "sweep", "s", {"spec": {"suspendPolicy": NEW_POLICY}})
        cluster.until(lambda: accepted()["status"] == "False", "the value is not accepted")
        assert f"spec.suspendPolicy: '{NEW_POLICY}'" in accepted()["message"]
        cluster.until(lambda: all(map(ended, runs(cluster, namespace, "s"))), "the live run is recorded")
        assert len(runs(cluster, namespace, "s")) == 4
        assert "spec.suspendPolicy" in plugin(cluster, namespace, "status", "s")
        patch(cluster, namespace, "sweep", "s", {"spec": {"suspendPolicy": "drain", "train": {"env": []}}})
        until_reason(cluster, "sweep", "s", namespace, "MaxRunsReached")
    patch(cluster, namespace, "sweep", "s", {"spec": {"limits": {"maxRuns": 6}}})
    cluster.until(lambda: len(runs(cluster, namespace, "s")) == 6, "it continues under the older CRD")
    until_reason(cluster, "sweep", "s", namespace, "MaxRunsReached")
    assert accepted()["status"] == "True"
    assert operator.process is not None
    assert operator.process.exit_code is None, "the operator was not restarted"
