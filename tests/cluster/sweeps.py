"""Sweeps for pods that KWOK plays, and how their objects are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.domain.conditions import condition_of
from tests.builders import sweep_body
from tests.cluster.audit import Audited, resource, writes
from tests.cluster.kubectl import Kubectl, KubectlFailed, Object


def sweep(
    name: str, *, train: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, **spec: Any
) -> Object:
    """One parameter, whose value is the score (see stages.py); no evaluation; random suggestions, which are quick."""
    variables = [{"name": k, "value": v} for k, v in (env or {}).items()]
    stage = {"image": "played:1", "env": variables, **(train or {})}
    return sweep_body(name, **{"goal": "maximize", "method": "random", "train": stage, **spec})


def manual_run(name: str, of: str, **parameters: float) -> Object:
    """A SweepRun as users write it, of the Sweep ``of``."""
    return {
        "apiVersion": "metta.ai/v1alpha1",
        "kind": "SweepRun",
        "metadata": {"name": name},
        "spec": {"sweepName": of, "parameters": parameters},
    }


def condition(obj: Mapping[str, Any], name: str = "Succeeded") -> Object:
    """The condition, or an empty one."""
    return dict(condition_of(obj, name))


def ended(obj: Mapping[str, Any]) -> bool:
    """It has a result."""
    return condition(obj).get("status") in ("True", "False")


def runs(cluster: Kubectl, namespace: str, name: str) -> list[Object]:
    """The Sweep's runs, manual ones first, then by index."""
    found = [r for r in cluster.list("sweepruns", namespace) if r["spec"]["sweepName"] == name]
    return sorted(found, key=lambda r: r["spec"].get("index", -1))


def reason(cluster: Kubectl, kind: str, name: str, namespace: str) -> str:
    """Of the condition Succeeded: the column STATUS; empty while there is no object or no condition."""
    try:
        return str(condition(cluster.get(kind, name, namespace)).get("reason", ""))
    except KubectlFailed:
        return ""


def until_reason(cluster: Kubectl, kind: str, name: str, namespace: str, wanted: str) -> Object:
    """Until the condition Succeeded of the object has that reason; the object."""
    cluster.until(
        lambda: reason(cluster, kind, name, namespace) == wanted,
        f"{kind} {name} says {wanted}",
    )
    return cluster.get(kind, name, namespace)


def edit(cluster: Kubectl, name: str, namespace: str, spec: Mapping[str, Any]) -> None:
    """Change the Sweep's spec, until the operator has seen it: what follows may reach it by another watch."""
    cluster.patch("sweep", name, namespace, {"spec": spec})
    wanted = cluster.get("sweep", name, namespace)["metadata"]["generation"]
    cluster.until(
        lambda: cluster.get("sweep", name, namespace)["status"].get("observedGeneration") == wanted,
        f"the operator has seen the change of {name}",
    )


def objects_of(cluster: Kubectl, kind: str, namespace: str, sweep: str) -> list[Object]:
    """What carries the Sweep's label."""
    return cluster.list(kind, namespace, **{SWEEP_LABEL: sweep})


def running_pods(cluster: Kubectl, namespace: str, sweep: str) -> list[Object]:
    """The Sweep's pods whose main runs and whom nobody has asked to end."""
    return [
        p
        for p in objects_of(cluster, "pods", namespace, sweep)
        if p["status"].get("phase") == "Running" and not p["metadata"].get("deletionTimestamp")
    ]


def most_at_once(periods: list[tuple[str, str]]) -> int:
    """How many of the (start, end) periods overlap; times as Kubernetes writes them, to the second."""
    edges = [(datetime.fromisoformat(t), step) for period in periods for t, step in zip(period, (1, -1), strict=True)]
    count = most = 0
    for _, step in sorted(edges):  # an end before a start of the same second
        count += step
        most = max(most, count)
    return most


def until_let_go(cluster: Kubectl, namespace: str) -> None:
    """Until no pod waits for the operator, nor for the Job controller, which follows a moment later."""
    cluster.until(lambda: all(not p["metadata"].get("finalizers") for p in cluster.list("pods", namespace)), "pods")
    cluster.until(lambda: all(not j["status"].get("active") for j in cluster.list("jobs", namespace)), "Jobs")


def check_jobs_once(cluster: Audited, account: str, count: int, namespace: str | None = None) -> None:
    """The account has created ``count`` Jobs (in ``namespace``, if given), none twice, by the audit log."""
    created = created_jobs(cluster, account, namespace)
    assert len(created) == len(set(created)) == count


def created_jobs(cluster: Audited, account: str, namespace: str | None = None) -> list[str]:
    """Names of the Jobs that the account has created (in ``namespace``, if given), by the audit log."""
    sent = writes(cluster, user=account, namespace=namespace)
    return [e["objectRef"]["name"] for e in sent if e["verb"] == "create" and resource(e) == "jobs"]


def check_ended_well(
    cluster: Kubectl, namespace: str, name: str, count: int, *, interrupted: bool = False
) -> list[Object]:
    """``count`` runs, each once, each with the score of its own parameters, and nothing left running.

    ``interrupted``: the operator was killed or lost its lease. An index that it had reserved then is not used again.
    """
    found = runs(cluster, namespace, name)
    indices = [r["spec"]["index"] for r in found]
    assert len(set(indices)) == len(indices) == count, indices
    assert interrupted or indices == list(range(count)), indices
    for run in found:
        assert condition(run)["status"] == "True", run["status"]
        assert run["status"]["score"] == run["spec"]["parameters"]["x"]
    # a kubelet says so later of the pod than of its container
    over = ("Succeeded", "Failed")
    cluster.until(lambda: all(p["status"]["phase"] in over for p in cluster.list("pods", namespace)), "no pod runs")
    until_let_go(cluster, namespace)
    status = cluster.get("sweep", name, namespace)["status"]
    assert status["runs"]["succeeded"] == status["runs"]["created"] == count
    assert status["best"][0]["score"] == max(r["status"]["score"] for r in found)
    return found
