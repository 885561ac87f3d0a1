"""Reports in the logs of pods: a real API server passes the requests to a kubelet that KWOK plays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import condition, runs, sweep, until_reason
from tests.wandb_stub.server import KEY, WandbServer


def add_logging_node(cluster: Cluster, node: str, log: Path, factor: float) -> dict[str, Any]:
    """A node whose containers have reported 40 steps; the template of a stage that runs there."""
    begin = datetime.now(UTC)
    lines = []
    for step in range(1, 41):
        report = json.dumps({"step": step, "reward": factor * step / 100})
        at = begin + timedelta(milliseconds=50 * step)
        lines.append(f"{at.isoformat().replace('+00:00', 'Z')} stdout F SWEEP_REPORT {report}\n")
    log.write_text("".join(lines))
    taint = {"key": "log", "value": node, "effect": "NoSchedule"}
    cluster.add_node(node, played_by=node, labels={"log": node}, taints=[taint], log=log)
    return {
        "nodeSelector": {"log": node},
        "tolerations": [{"key": "log", "operator": "Exists"}],
        "reports": {"everySeconds": 1, "maxStep": 80},
    }


def test_reports_in_the_log_become_progress_and_a_curve(cluster: Cluster, shared: Operator, tmp_path: Path) -> None:
    ns, node = shared.namespace, "reports"
    train = add_logging_node(cluster, node, tmp_path / "main.log", 1.0)
    try:
        cluster.apply(sweep("curves", train=train, env={"TEST_SECONDS": "5s"}, limits={"maxRuns": 1}), ns)
        cluster.until(lambda: _progress(cluster, ns).get("summary") == "50%", "its progress")
        until_reason(cluster, "sweep", "curves", ns, "MaxRunsReached")
        (run,) = runs(cluster, ns, "curves")
        curve = run["status"]["curve"]
        steps = [point["step"] for point in curve]
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1]) == (1, 40)
        assert len(curve) > 10
        assert all(point["value"] == point["step"] / 100 for point in curve)
        shown = cluster.kubectl("get", "sweepruns", "-n", ns, run["metadata"]["name"])
        assert "PROGRESS" in shown
        assert "50%" in shown
    finally:
        cluster.lose_nodes(node)
        cluster.remove_node(node)


def test_a_run_that_falls_behind_is_stopped_and_its_job_deleted(
    cluster: Cluster, shared: Operator, tmp_path: Path
) -> None:
    ns, good, bad = shared.namespace, "good-log", "bad-log"
    train = add_logging_node(cluster, good, tmp_path / "good.log", 1.0)
    stopping = {"rule": "asha", "minRuns": 1, "shadow": 0}
    body = sweep("pruned", train=train, env={"TEST_SECONDS": "4s"}, limits={"maxRuns": 1}, earlyStopping=stopping)
    try:
        cluster.apply(body, ns)
        until_reason(cluster, "sweep", "pruned", ns, "MaxRunsReached")
        body["spec"]["train"] |= add_logging_node(cluster, bad, tmp_path / "bad.log", 0.5)
        body["spec"]["train"]["env"] = [{"name": "TEST_SECONDS", "value": "1h"}]
        body["spec"]["limits"] = {"maxRuns": 2}
        cluster.apply(body, ns)
        until_reason(cluster, "sweeprun", "pruned.r.1", ns, "Pruned")
        until_reason(cluster, "sweep", "pruned", ns, "MaxRunsReached")
        first, last = runs(cluster, ns, "pruned")
        verdict = last["status"]["earlyStopping"]
        assert (verdict["rule"], verdict["step"], verdict["value"]) == ("asha", 16, 0.08)
        assert verdict["threshold"] == 0.16
        assert "earlyStopping" not in first["status"]
        status = cluster.get("sweep", "pruned", ns)["status"]
        assert (status["runs"]["pruned"], status["runs"]["succeeded"]) == (1, 1)
        assert condition(cluster.get("sweep", "pruned", ns), "EarlyStoppingEffective")["status"] == "True"
        cluster.until(
            lambda: not [j for j in cluster.list("jobs", ns) if "pruned-r-1" in j["metadata"]["name"]], "the end"
        )
    finally:
        for node in (good, bad):
            cluster.lose_nodes(node)
            cluster.remove_node(node)


@pytest.mark.usefixtures("no_wandb_env")
def test_wandb_gets_every_report_once_although_the_operator_was_killed(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    node, config = "tracked-log", tmp_path / "config.yaml"
    train = add_logging_node(cluster, node, tmp_path / "main.log", 1.0)
    limits, tracking = {"maxRuns": 1}, {"wandb": {"entity": "acme", "project": "p"}}
    try:
        with WandbServer() as server:
            allowed = {"wandbBaseUrls": [server.url], "wandbProjects": {namespace: ["acme/*"]}}
            config.write_text(json.dumps(allowed))
            with Operator(cluster, namespace, f"--config={config}") as operator:
                env = {"TEST_SECONDS": "20s"}  # longer than until the first write of its progress
                cluster.apply(sweep("curves", train=train, env=env, limits=limits, tracking=tracking), namespace)
                cluster.until(lambda: _progress(cluster, namespace).get("step") == 40, "its progress")
                operator.kill()
                operator.start()
                until_reason(cluster, "sweep", "curves", namespace, "MaxRunsReached")
                cluster.until(
                    lambda: (
                        condition(cluster.get("sweep", "curves", namespace), "TrackingSynced").get("status") == "True"
                    ),
                    "it is delivered",
                )
            (run,) = server.runs()
        found = [(row["curve/step"], row["curve/value"]) for row in run.rows]
        assert found == [(step, step / 100) for step in range(1, 41)]
    finally:
        cluster.lose_nodes(node)
        cluster.remove_node(node)


def _progress(cluster: Cluster, namespace: str) -> dict[str, object]:
    found = runs(cluster, namespace, "curves")
    return dict(found[0].get("status", {}).get("progress") or {}) if found else {}
