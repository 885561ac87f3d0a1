"""Many Sweeps at once, and two tenants: `python -m tests.bench.cluster.fleet [--sweeps 100] [--neighbor 500]`.

First, so many Sweeps are applied at once. Then a tenant's small Sweep runs alone, and beside another tenant's Sweep of
so many parallel runs. Nodes and pods are played by KWOK; the control plane is real and shares the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dev.generate.rbac import manifests
from tests.bench.cluster.many import LEASE_SECONDS, body, place, until_ended
from tests.bench.cluster.onlooker import Onlooker
from tests.bench.cluster.timeline import Timeline, at
from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import Operator


def fleet(cluster: Cluster, args: argparse.Namespace) -> None:
    """All Sweeps at once."""
    names = [f"s{number}" for number in range(args.sweeps)]
    with Operator(cluster, cluster.namespace(), f"--lease-seconds={LEASE_SECONDS}") as operator:
        sweeps = [body(name, args.method, args.runs, args.parallel, args.seconds) for name in names]
        cluster.apply(sweeps, operator.namespace)
        applied = time.time()
        until_ended(cluster, operator, args.patience)
        seen = Timeline.of(cluster, operator.namespace, operator.account, "s")
    parts = [seen.part(f"{name}-r-") for name in names]
    first = [min(part.jobs.values()) - applied for part in parts]
    waits = [sum(gaps) / len(gaps) for part in parts if (gaps := part.gaps(args.parallel))]
    print(
        f"{args.sweeps} Sweeps x {args.runs} runs, {args.parallel} parallel ({args.method}): "
        f"first Job after the last apply: p50 {at(first, 50):.1f} s, last Sweep {max(first):.1f} s; "
        f"end of a run to the next Job, mean by Sweep: median {at(waits, 50):.2f} s, longest {max(waits):.2f} s "
        f"({max(waits) / at(waits, 50):.2f} times the median); {len(seen.ended) / seen.seconds(applied):.1f} runs/s",
        flush=True,
    )


def neighbors(cluster: Cluster, args: argparse.Namespace) -> None:
    """A small Sweep alone, and beside a large one in another namespace."""
    small, large = cluster.namespace(), cluster.namespace()
    options = (f"--namespace={large}", f"--lease-namespace={small}", f"--lease-seconds={LEASE_SECONDS}")
    with Operator(cluster, small, *options, account=manifests("cluster", small)) as operator:
        rows = {}
        for name, others, runs in (("warm-up", 0, 4), ("alone", 0, None), ("beside", args.neighbor, None)):
            with _busy(cluster, large, args, others), Onlooker(cluster, small) as onlooker:
                cluster.apply(body(name, args.method, runs or args.victim_runs, 2, args.seconds), small)
                until_ended(cluster, operator, args.patience)
            seen = Timeline.of(cluster, small, operator.account, f"{name}-r-")
            rows[name] = seen.gaps(2), seen.gaps_since(onlooker.ended, 2)
    print(
        f"end of a run to the next Job, {args.victim_runs} runs, 2 parallel ({args.method}), and since the end was "
        f"shown to another watch: alone {_quantiles(*rows['alone'])}; beside {args.neighbor} parallel runs of another "
        f"tenant {_quantiles(*rows['beside'])}",
        flush=True,
    )


def _quantiles(*gaps: list[float]) -> str:
    return " and ".join(f"p50 {at(part, 50):.2f} s, p99 {at(part, 99):.2f} s" for part in gaps)


@contextmanager
def _busy(cluster: Cluster, namespace: str, args: argparse.Namespace, parallel: int) -> Iterator[None]:
    """That many runs of another tenant at once, from the first one's end to the end of the block."""
    if not parallel:
        yield
        return
    seconds = args.large_seconds or args.seconds
    cluster.apply(body("large", args.large_method, 100_000, parallel, seconds), namespace)
    cluster.until(
        lambda: (
            cluster.get("sweep", "large", namespace).get("status", {}).get("runs", {}).get("succeeded", 0) >= parallel
        ),
        "runs end",
        900,
    )
    yield
    cluster.patch("sweep", "large", namespace, {"spec": {"stop": True}})


def main() -> None:
    """Print two lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=100, help="0: only the two tenants")
    parser.add_argument("--runs", type=int, default=20, help="of each sweep")
    parser.add_argument("--parallel", type=int, default=2, help="of each sweep")
    parser.add_argument("--method", default="random", choices=["random", "sobol", "bayes"])
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument(
        "--neighbor", type=int, default=500, help="parallel runs of the other tenant; 0: only the fleet"
    )
    parser.add_argument(
        "--large-method", default="random", choices=["random", "sobol", "bayes"], help="of the other tenant"
    )
    parser.add_argument(
        "--large-seconds", type=float, help="of its runs; short ones ask more of the simulated nodes than they can do"
    )
    parser.add_argument("--victim-runs", type=int, default=100)
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds for each part")
    args = parser.parse_args()
    with place() as cluster:
        if args.sweeps:
            fleet(cluster, args)
        if args.neighbor:
            neighbors(cluster, args)


if __name__ == "__main__":
    main()
