"""What many runs and many sweeps cost: `python -m tests.bench.scale [passes|shape|reports|fair|day|idle|all]`.

    python -m tests.bench.scale passes --finished 100,1000,3000,10000 --live 10
    python -m tests.bench.scale shape --sizes 5000x500
    python -m tests.bench.scale reports --sizes 1500x500 --seconds 120
    python -m tests.bench.scale day --sweeps 200 --hours 24

``passes``: the engine over objects that do not change; CPU seconds are comparable on a busy machine.
``shape``: how many of the slots are used. ``reports``: the same sweep with and without progress reports. ``fair``: 100
sweeps at once, and a sweep beside a large one. ``day``: memory while sweeps come and go. These four are in virtual
time, so the machine does not matter. ``idle``: CPU for 1,000 finished sweeps. The real control plane at such sizes:
``python -m tests.bench.cluster``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging

from tests.bench import table
from tests.bench.scale import idle, many, passes, reports, shape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what", nargs="?", default="all", choices=("passes", "shape", "reports", "fair", "day", "idle", "all", "one")
    )
    parser.add_argument("--finished", default="100,1000,3000,10000", help="numbers of finished runs")
    parser.add_argument("--live", type=int, default=10, help="running runs")
    parser.add_argument("--sizes", default=table.VIRTUAL, help="runs x parallel runs, of shape")
    parser.add_argument("--methods", default="random,bayes", help="of shape")
    parser.add_argument("--latency", type=float, default=0.005, help="seconds of one request")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--connections", type=int, default=128, help="requests at the same time")
    parser.add_argument("--sweeps", type=int, default=200, help="of day")
    parser.add_argument("--hours", type=int, default=24)
    a = parser.parse_args()
    logging.disable(logging.WARNING)
    sizes = [int(n) for n in a.finished.split(",")]
    if a.what == "one":
        print(json.dumps(asyncio.run(passes.measure(sizes[0], a.live))))
    if a.what in ("passes", "all"):
        passes.report(sizes, a.live)
    if a.what in ("shape", "all"):
        shape.report(table.sizes(a.sizes), a.methods.split(","), a.latency, a.seconds, a.connections)
    if a.what == "reports":
        reports.report(table.sizes(a.sizes), a.latency, a.seconds, a.connections)
    if a.what in ("fair", "all"):
        many.report_fairness(100, a.latency, a.seconds, a.connections)
    if a.what in ("idle", "all"):
        idle.report(1000)
    if a.what in ("day", "all"):
        many.report_day(a.sweeps, a.hours)


if __name__ == "__main__":
    main()
