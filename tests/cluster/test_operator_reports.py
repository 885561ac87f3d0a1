"""Reports in the logs of pods: a real API server passes the requests to a kubelet that KWOK plays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import runs, sweep, until_reason


def test_reports_in_the_log_become_progress_and_a_curve(cluster: Cluster, shared: Operator, tmp_path: Path) -> None:
    ns, node, log = shared.namespace, "reports", tmp_path / "main.log"
    begin = datetime.now(UTC)
    lines = []
    for step in range(1, 41):
        report = json.dumps({"step": step, "reward": step / 100})
        at = begin + timedelta(milliseconds=50 * step)
        lines.append(f"{at.isoformat().replace('+00:00', 'Z')} stdout F SWEEP_REPORT {report}\n")
    log.write_text("".join(lines))
    taint = {"key": "log", "value": node, "effect": "NoSchedule"}
    cluster.add_node(node, played_by=node, labels={"log": node}, taints=[taint], log=log)
    train = {
        "nodeSelector": {"log": node},
        "tolerations": [{"key": "log", "operator": "Exists"}],
        "reports": {"everySeconds": 1, "maxStep": 80},
    }
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


def _progress(cluster: Cluster, namespace: str) -> dict[str, object]:
    found = runs(cluster, namespace, "curves")
    return dict(found[0].get("status", {}).get("progress") or {}) if found else {}
