"""What progress reports cost on a real control plane: `python -m tests.bench.cluster.reports [--pairs 2]`.

The same sweep without and with reports, in turn, with nodes and pods that KWOK plays. Its Logs API serves one growing
file as the log of all pods, with a report per second.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.cluster.many import LEASE_SECONDS, NODES, Memory, body, check_each_once, until_ended
from tests.bench.cluster.timeline import Timeline, at
from tests.cluster.audit import received
from tests.cluster.cluster import Cluster
from tests.cluster.fixtures import started
from tests.cluster.operator_process import Operator

COLUMNS = (
    "reports", "runs", "parallel", "end to next Job p50, s", "p99", "max", "status writes per run",
    "writes per run and minute", "log requests per second", "at most in one second", "operator CPU s/run",
)  # fmt: skip
GROUP = "reporting"


@contextmanager
def reporting_nodes() -> Iterator[Cluster]:
    """A cluster whose nodes have logs that grow."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as in tests.bench.cluster.many
    with tempfile.TemporaryDirectory() as folder, started(lambda: Cluster(Path(folder))) as cluster:
        log, over = Path(folder) / "main.log", threading.Event()
        log.touch()
        for number in range(1, NODES):
            cluster.add_node(f"{GROUP}-{number}", played_by=GROUP, labels={"log": GROUP}, log=log)
        writer = threading.Thread(target=_write, args=(log, over))
        writer.start()
        try:
            yield cluster
        finally:
            over.set()
            writer.join()


def _write(log: Path, over: threading.Event) -> None:
    step = 0
    with log.open("a") as file:
        while not over.wait(1.0):
            step += 1
            stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            file.write(f"{stamp} stdout F SWEEP_REPORT {json.dumps({'step': step, 'reward': 1 - 1 / step})}\n")
            file.flush()


def measure(cluster: Cluster, operator: Operator, args: argparse.Namespace, *, reports: bool) -> str:
    """The row of one sweep."""
    name, began = "with" if reports else "without", datetime.now(UTC)
    train = {"nodeSelector": {"log": GROUP}, **({"reports": {"maxStep": 100_000}} if reports else {})}
    sweep = body(name, "random", args.runs, args.parallel, args.seconds, train=train)
    sweep["spec"]["train"].setdefault("env", []).append(
        {"name": "TEST_SECONDS_UP_TO", "value": f"{2 * args.seconds:g}s"}
    )
    cluster.apply(sweep, operator.namespace)
    with Memory(operator) as memory:
        until_ended(cluster, operator, args.patience)
    check_each_once(cluster, operator, name, args.runs)
    seen = Timeline.of(cluster, operator.namespace, operator.account, f"{name}-r-", began)
    gaps, minutes = seen.gaps(args.parallel), sum(seen.ended[pod] - seen.started[pod] for pod in seen.ended) / 60
    asked = _log_requests(cluster, operator, began)
    writes = seen.sent["update sweepruns/status"] + seen.sent["patch sweepruns/status"]
    cells = (
        "yes" if reports else "no", f"{args.runs:,}", args.parallel,
        *(f"{at(gaps, percent):.2f}" for percent in (50, 99, 100)),
        f"{writes / args.runs:.2f}", f"{writes / minutes:.2f}",
        f"{sum(asked.values()) / seen.seconds(began.timestamp()):.1f}", max(asked.values(), default=0),
        f"{memory.cpu_seconds / args.runs:.3f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _log_requests(cluster: Cluster, operator: Operator, since: datetime) -> Counter[int]:
    """Requests for logs, by second. The audit log has an entry for the start of each answer and another for its end."""
    events = (e for e in cluster.audit(operator.account) if (e.get("objectRef") or {}).get("subresource") == "log")
    times = {event["auditID"]: received(event) for event in events}
    return Counter(int(time.timestamp()) for time in times.values() if time >= since)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0, help="shortest run; the longest one takes twice as long")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--patience", type=float, default=3600.0, help="seconds for one sweep")
    args = parser.parse_args(arguments)
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS), flush=True)
    with reporting_nodes() as cluster:
        for _ in range(args.pairs):
            for reports in (False, True):
                with Operator(cluster, cluster.namespace(), f"--lease-seconds={LEASE_SECONDS}") as operator:
                    print(measure(cluster, operator, args, reports=reports), flush=True)


if __name__ == "__main__":
    main()
