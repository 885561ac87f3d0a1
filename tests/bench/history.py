"""How long a warm start from W&B takes: 1,000 runs of 100 summary keys each, from a server that takes its time.

    python -m tests.bench.history [--runs 1000] [--latency 0.2] [--repeat 3]

The whole way is measured: the child process, the SDK's import, its requests, the rows, and their fit to the sweep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

from sweep_operator.api.errors import parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.engine.warm_start_rows import read_sources
from sweep_operator.sandbox.tasks import InProcess
from sweep_operator.tracking.history.reader import WandbHistory
from sweep_operator.tracking.history.warm_start import WandbSources
from tests.wandb_stub.sdk import environment
from tests.wandb_stub.server import WandbServer

KEYS = 100
PARAMETERS = {f"trainer.p{n}": {"distribution": "uniform", "min": 0, "max": 1} for n in range(20)}


def fill(server: WandbServer, runs: int) -> str:
    """The id of a sweep with so many finished runs."""
    config = {"method": "custom", "metric": {"name": "score"}, "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    sweep = server.add_sweep("acme/p", json.dumps(config)).name
    for n in range(runs):
        suggestion = {"trainer": {f"p{k}": (n * 7 + k) % 1000 / 1000 for k in range(len(PARAMETERS))}}
        summary: dict[str, Any] = {f"metric/{k}": n / (k + 1) for k in range(KEYS)}
        summary |= {"protein.state": "success", "protein.objective": float(n), "protein.cost": 10.0}
        summary["protein.suggestion"] = suggestion
        server.add_run(f"acme/p/{sweep}-{n}", summary=summary, config=suggestion, sweep=sweep, created=float(n))
    return sweep


def measure(server: WandbServer, sweep_id: str, runs: int) -> tuple[float, int]:
    """Seconds and requests of one warm start."""
    source = {"wandb": {"sweepId": sweep_id, "entity": "acme", "project": "p"}}
    sweep = parse(
        Sweep,
        {
            "metadata": {"name": "s"},
            "spec": {
                "parameters": PARAMETERS,
                "train": {},
                "warmStart": {"from": [source], "maxObservations": runs},
            },
        },
    )
    warm_start = sweep.spec.warm_start
    assert warm_start is not None
    config = OperatorConfig(wandb_base_urls=[server.url], wandb_projects={"*": ["*"]})
    before = len(server.requests(otel=True))
    with tempfile.TemporaryDirectory() as folder:
        sources = WandbSources(config, WandbHistory(environ=environment(server.url, Path(folder))))
        began = time.perf_counter()
        read = read_sources(
            sweep, warm_start, lambda source, learner: sources.read(learner, source), evaluator=InProcess()
        )
        found = asyncio.run(read)
        seconds = time.perf_counter() - began
    assert found.observations.count == runs, found.notes
    return seconds, len(server.requests(otel=True)) - before


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with WandbServer(latency=options.latency) as server:
        sweep = fill(server, options.runs)
        for _ in range(options.repeat):
            before = _cpu()
            seconds, requests = measure(server, sweep, options.runs)
            latency = f"{options.latency * 1000:.0f} ms"
            said = f"{seconds:.2f} s ({_cpu() - before:.2f} s of CPU, the server's included)"
            print(f"{options.runs} runs, {latency} per request: {requests} requests, {said}")


def _cpu() -> float:
    return sum(u.ru_utime + u.ru_stime for u in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


if __name__ == "__main__":
    main()
