"""What passes cost, and what slots are used, at many runs: `python -m tests.bench.scale [passes|shape|all]`.

    python -m tests.bench.scale passes --finished 100,1000,3000,10000 --live 10
    python -m tests.bench.scale shape --parallel 500 --runs 5000

``passes``: the engine over objects that do not change; CPU seconds are comparable on a busy machine. ``shape``: virtual
time, so the machine does not matter. The real control plane at such sizes: ``python -m tests.bench.cluster``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging

from tests.bench.scale import passes, shape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="all", choices=("passes", "shape", "all", "one"))
    parser.add_argument("--finished", default="100,1000,3000,10000", help="numbers of finished runs")
    parser.add_argument("--live", type=int, default=10, help="running runs")
    parser.add_argument("--parallel", type=int, default=500)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.005, help="seconds of one request")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--connections", type=int, default=128, help="requests at the same time")
    a = parser.parse_args()
    logging.disable(logging.WARNING)
    sizes = [int(n) for n in a.finished.split(",")]
    if a.what == "one":
        print(json.dumps(asyncio.run(passes.measure(sizes[0], a.live))))
    if a.what in ("passes", "all"):
        passes.report(sizes, a.live)
    if a.what in ("shape", "all"):
        shape.report(a.parallel, a.runs, a.latency, a.seconds, a.connections)


if __name__ == "__main__":
    main()
