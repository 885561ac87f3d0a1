"""The operator is killed again and again, and meanwhile the API server is away for a minute; a person looks on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime

from tests.cluster.audit import still, without_leases, writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import PATIENCE
from tests.cluster.operator_process import Operator
from tests.cluster.person import EDIT, Person
from tests.cluster.sweeps import check_ended_well, check_jobs_once, reason, runs, sweep

RUNS = 36
LIFE = 3.0
"""Seconds of each life of the operator; less than a pod runs, so that each sees one round of runs at most."""
OUTAGE = 60.0
IDLE = 60.0


def _kill_until(operator: Operator, holds: Callable[[], bool], *, ready: bool) -> int:
    """Start it and kill it, until that holds. Returns how often it was killed."""
    kills = 0
    while not holds():
        operator.start(ready=ready)
        assert operator.process is not None
        operator.process.wait(LIFE)
        operator.kill()
        kills += 1
    return kills


def test_killed_again_and_again_with_the_api_server_away_every_run_is_made_once(
    cluster: Cluster, namespace: str
) -> None:
    operator = Operator(cluster, namespace, "--lease-seconds=3")  # each life waits for the end of the last one's lease
    # nodes whose heartbeats are late when the API server is back may not evict: each run has one attempt here
    stays = [{"key": f"node.kubernetes.io/{why}", "operator": "Exists"} for why in ("not-ready", "unreachable")]
    limits = {"maxRuns": RUNS, "maxParallelRuns": 6}
    cluster.apply(sweep("away", limits=limits, train={"tolerations": stays}, env={"TEST_SECONDS": "4s"}), namespace)
    onlooker: subprocess.Popen[str] | None = None
    try:
        _kill_until(operator, lambda: len(runs(cluster, namespace, "away")) > 6, ready=True)
        person = Person(cluster, namespace, "onlooker", EDIT)
        onlooker = subprocess.Popen(
            person.command("status", "away", "-w"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=person.environment(), text=True,
        )  # fmt: skip
        assert onlooker.stdout is not None
        assert onlooker.stdout.readline().startswith("away.r.0 "), "it follows"
        operator.start()
        cluster.stop_apiserver()
        back = time.monotonic() + OUTAGE
        assert operator.process is not None
        assert operator.process.wait(10) in (None, 1), "without the lease it ends, and only then"
        operator.kill()
        assert _kill_until(operator, lambda: time.monotonic() > back, ready=False) >= 3
        cluster.start_apiserver()
        kills = _kill_until(
            operator, lambda: reason(cluster, "sweep", "away", namespace) == "MaxRunsReached", ready=True
        )
        assert kills >= 3
        out, err = onlooker.communicate(timeout=PATIENCE)
        assert (onlooker.returncode, out.splitlines()[-1]) == (0, "away MaxRunsReached"), err
        assert err.count("waiting for the API server") == 1, err
    finally:
        operator.kill()
        if onlooker is not None:
            onlooker.kill()
    # LISTs often, so that an idle minute has several of them
    with Operator(cluster, namespace, "--audit-seconds=15") as operator:
        check_ended_well(cluster, namespace, "away", RUNS, interrupted=True)
        check_jobs_once(cluster, operator.account, RUNS)
        assert len(cluster.list("jobs", namespace)) == RUNS, "finished Jobs stay, and with them the logs of their pods"
        cluster.until(lambda: still(cluster, namespace), "the last write is made")
        began = datetime.now(UTC)
        assert operator.process is not None
        assert operator.process.wait(IDLE) is None
        cluster.until(operator.ready, "it is still ready")
        own = writes(cluster, user=operator.account, since=began)
        assert own, "the lease is renewed, or the log is not read"
        assert without_leases(own) == []
        assert without_leases(writes(cluster, namespace=namespace, since=began)) == [], "others, because of it"
