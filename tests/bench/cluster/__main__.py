"""The operator as users start it, on a real API server: `python -m tests.bench.cluster [--runs 100] [--json FILE]`.

Nodes and pods are played (see tests/cluster), the control plane is real and shares the machine with the operator. By
hand: wall time depends on the machine, and on who else uses it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.cluster import handover, restart
from tests.bench.cluster.handover import Shape
from tests.cluster.binaries import CONTROL_PLANE, Missing, find
from tests.cluster.cluster import Cluster
from tests.cluster.fixtures import started
from tests.cluster.operator_process import Operator

SHAPES = (
    (Shape("random", True, 1, 3), 1.0),
    (Shape("bayes", True, 1, 3), 1.0),
    # only a stage that takes longer than some seconds has its start written down
    (Shape("bayes", True, 6, 8), 0.25),
    (Shape("bayes", False, 1, 3), 1.0),
)
"""Each with its share of the runs; the last one's sweep is the one that is filled up before the restart."""

LEASE_SECONDS = 10
"""The operator's default; the tests' one is shorter."""

Row = dict[str, Any]


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="of each sweep (default: %(default)s)")
    parser.add_argument("--parallel", type=int, default=4, help="of them at the same time (default: %(default)s)")
    parser.add_argument("--stored", type=int, default=1000, help="finished runs before the restart")
    parser.add_argument("--restarts", type=int, default=1, help="of each kind (default: %(default)s)")
    parser.add_argument("--only-restarts", action="store_true", help="skip the first table, but for its last row")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    args = parser.parse_args()
    try:
        find(CONTROL_PLANE)
    except Missing as missing:
        sys.exit(f"no test cluster: {missing}")
    # compiling torch's files again at each start takes ten times as long as importing them; no installation does that
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    figures: Row = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder, started(lambda: Cluster(Path(folder))) as cluster:
        figures["handover"], figures["restart"] = _measure(cluster, args)
    figures["load_after"] = os.getloadavg()[0]
    if args.json is not None:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def _measure(cluster: Cluster, args: argparse.Namespace) -> tuple[list[Row], list[Row]]:
    rows: list[Row] = []
    again: list[Row] = []
    for shape, share in SHAPES[-1:] if args.only_restarts else SHAPES:
        # one after the other, each with a namespace and a process of its own
        with Operator(cluster, cluster.namespace(), f"--lease-seconds={LEASE_SECONDS}") as operator:
            runs = max(2 * args.parallel, round(share * args.runs))
            done = handover.measure(cluster, operator, shape, count=runs, parallel=args.parallel)
            rows.append(done.row())
            _print_handover(rows[-1], first=len(rows) == 1)
            if shape is SHAPES[-1][0]:
                operator.stop()
                restart.fill(cluster, operator.namespace, handover.NAME, args.stored)
                operator.start()
                for killed in (False, True) * args.restarts:
                    again.append(restart.measure(cluster, operator, handover.NAME, killed=killed).row())
                    _print_restart(again[-1], first=len(again) == 1)
    return rows, again


def _print_handover(row: Row, *, first: bool) -> None:
    if first:
        print(
            "From a finished run to the next one (seconds), writes per run to Sweep, SweepRun, Job and Pod,\n"
            "memory (resident, proportional) of the main process and of the optimizer:\n"
        )
        _line("method", "stages", "SweepRun p50", "Job p50", "p99", "max", "writes", "CPU s/run", "MB", "optimizer MB")
        _line(*["---"] * 10)
    _line(
        row["method"],
        row["stages"],
        *(f"{row[k]:.2f}" for k in ("sweeprun_p50_s", "job_p50_s", "job_p99_s", "job_max_s")),
        f"{row['writes_per_run']:.1f} (" + ", ".join(f"{k} {v:.2f}" for k, v in row["writes"].items()) + ")",
        f"{row['operator_cpu_s_per_run']:.3f}",
        *_memory(row),
    )


def _print_restart(row: Row, *, first: bool) -> None:
    if first:
        print("\nStarted again (seconds from the start of the process):\n")
        _line("before", "runs stored", "ready", "Sweep's status", "next run's Job", "MB", "at most", "optimizer MB")
        _line(*["---"] * 8)
    seconds = (f"{row[k]:.1f}" for k in ("ready_s", "status_s", "job_s"))
    main, child = _memory(row)
    _line(row["before"], f"{row['stored_runs']:,}", *seconds, main, f"{row['main_peak_mb']:.0f}", child)


def _memory(row: Row) -> Sequence[str]:
    return [f"{row[f'{who}_rss_mb']:.0f} ({row[f'{who}_pss_mb']:.0f})" for who in ("main", "child")]


def _line(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
