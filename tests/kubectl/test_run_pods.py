"""Which container of a pod can have a log."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.cluster.run_pods import RunPod

PREPARING: dict[str, Any] = {
    "spec": {"initContainers": [{"name": "data"}], "containers": [{"name": "main"}]},
    "status": {
        "initContainerStatuses": [{"name": "data", "state": {"running": {"startedAt": "2026-03-01T09:00:00Z"}}}],
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}],
    },
}


@pytest.mark.parametrize(("container", "started"), [("main", False), ("data", True), ("no-such", True)])
def test_an_init_container_has_a_log_before_main_has(container: str, started: bool) -> None:
    pod = RunPod("train", 1, 0, "2026-03-01T09:00:00Z", {"metadata": {"name": "p"}, **PREPARING})
    assert pod.started(container) is started
    assert pod.waits_for == "PodInitializing"


def test_a_pod_without_a_status_waits() -> None:
    pod = RunPod("train", 1, 0, "", {"metadata": {"name": "p"}, "spec": PREPARING["spec"]})
    assert (pod.started("main"), pod.over, pod.waits_for) == (False, False, "")
