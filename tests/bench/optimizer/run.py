"""Every task x optimizer x seed, one JSON line a run: `python -m tests.bench.optimizer.run --out runs.jsonl`.

A run that is in the output file already is skipped, so that an interrupted comparison goes on where it stopped.

Rules, the same for every optimizer: the first evaluation is the search center; noise, failures and cost noise depend
on (task, seed, index of the evaluation) only; a cost task ends at its cost budget. A task written `hartmann6@8` keeps
eight suggestions pending, whose results come back in a random (seeded) order, for half as many evaluations.
"""

from __future__ import annotations

import argparse
import concurrent.futures as cf
import json
import math
import multiprocessing
import os
import resource
import sys
import time
import traceback
import zlib
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import product
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tests.bench.optimizer import tasks
from tests.bench.optimizer.space import Params

Job = tuple[str, int, str, int]
"""Task, runs kept pending, peer, seed."""


def run_one(
    task_name: str, pending_runs: int, peer: str, seed: int, evals: int, cap: float, label: str = "ours"
) -> dict[str, Any]:
    """One run of `evals` evaluations, cut after `cap` CPU seconds: a busy or suspended machine cuts nothing."""
    from tests.bench.optimizer import peers

    task = tasks.make(task_name)
    budget = task.ref["budget"] if task.family == "cost" else math.inf
    evals = int(evals * 1.5) if task.family == "cost" else evals if pending_runs == 1 else evals // 2
    stream = np.random.SeedSequence([zlib.crc32(task_name.encode()), seed])
    noise = [np.random.default_rng(s) for s in stream.spawn(evals + 1)]
    order = np.random.default_rng(seed)
    out: dict[str, Any] = {"task": task_name, "peer": peer, "seed": seed, "batch": pending_runs}
    out |= {key: [] for key in ("obs", "true", "cost", "true_cost", "fail", "t")}
    out["truncated"] = None
    start, cpu = time.time(), time.process_time()
    options: dict[str, Any] = {"max_cost": task.max_cost, "cost_param": task.cost_param, "runs": evals}
    opt = peers.PEERS["ours" if peer == label else peer](
        task.space.spec(), seed=seed, budget=budget if math.isfinite(budget) else None, **options
    )
    spent, n, observe_time = 0.0, 0, 0.0

    def evaluate(params: Params) -> None:
        nonlocal spent, n, observe_time
        for d in task.space.dims:
            if not d.min <= params[d.name] <= d.max:
                raise ValueError(f"{d.name}={params[d.name]} is outside [{d.min}, {d.max}]")
        r = task.evaluate(params, noise[n])
        n += 1
        spent += r.cost
        out["obs"].append(None if r.is_failure else round(r.score, 6))
        out["true"].append(None if r.is_failure else round(r.true_score, 6))
        out["cost"].append(round(r.cost, 4))
        out["true_cost"].append(round(r.true_cost, 4))
        out["fail"].append(int(r.is_failure))
        tick = time.time()
        opt.observe(params, r.score, r.cost, r.is_failure)
        observe_time += time.time() - tick

    evaluate(task.space.center())
    pending: list[dict[str, Any]] = []
    try:
        while n < evals and spent < budget:
            if time.process_time() - cpu > cap:
                out["truncated"] = "time"
                break
            tick = time.time()
            want = pending_runs - len(pending)
            pending += opt.suggest(want)
            out["t"] += [round((time.time() - tick) / want, 4)] * want
            if not pending:
                break
            evaluate(pending.pop(int(order.integers(len(pending)))))
    except Exception as error:  # a peer that breaks is a result too
        out["truncated"] = f"{type(error).__name__}: {error}"[:300]
        out["traceback"] = traceback.format_exc()[-1500:]
    out.update(
        n=n,
        wall=round(time.time() - start, 2),
        cpu=round(time.process_time() - cpu, 2),
        t_observe=round(observe_time, 3),
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10),
    )
    return out


def jobs_of(task_names: str, peers: str, seeds: str) -> list[Job]:
    """All runs, seed by seed, so that a comparison cut by time has whole seeds."""
    first, _, last = seeds.partition("-")
    numbers = range(int(first), int(last) + 1) if last else range(int(first))
    return [
        (task, pending, peer, seed)
        for seed, (task, pending), peer in product(numbers, tasks.expand(task_names), peers.split(","))
    ]


def run_all(
    jobs: Sequence[Job], path: Path, *, evals: int, cap: float, minutes: float, procs: int, label: str = "ours"
) -> None:
    """Those of the jobs that are not in the file `path` yet; none starts after `minutes`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text().splitlines() if path.exists() else []
    done = {(r["task"], r["batch"], r["peer"], r["seed"]) for r in map(json.loads, lines)}
    queue = [job for job in jobs if job not in done][::-1]
    print(f"{len(queue)} runs to do, {len(jobs) - len(queue)} done", flush=True)
    stop = time.time() + 60 * minutes
    # one thread each: no optimizer may profit from cores that another run leaves idle
    os.environ["OMP_NUM_THREADS"] = "1"
    with path.open("a") as sink:
        # a process that is killed, or that a library takes down, breaks its whole pool: the others go on in a new one
        while queue and time.time() < stop:
            _run_pool(queue, sink, procs=procs, stop=stop, options=(evals, cap, label))
    if queue:
        print(f"{len(queue)} runs left (time limit); run it again to go on", flush=True)


def _run_pool(queue: list[Job], sink: TextIO, *, procs: int, stop: float, options: tuple[int, float, str]) -> None:
    """Take jobs from the end of `queue` until it is empty, the time is over or the pool of processes is broken."""
    running: set[cf.Future[dict[str, Any]]] = set()
    broken = False
    with cf.ProcessPoolExecutor(procs, mp_context=multiprocessing.get_context("spawn")) as pool:
        while True:
            while queue and len(running) < procs and time.time() < stop and not broken:
                try:
                    running.add(pool.submit(run_one, *queue[-1], *options))
                    queue.pop()
                except BrokenProcessPool:  # it broke after the last result was read
                    broken = True
            if not running:
                return
            ready, running = cf.wait(running, return_when=cf.FIRST_COMPLETED)
            for future in ready:
                try:
                    r = future.result()
                except Exception as error:
                    print("could not run:", repr(error)[:300], flush=True)
                    broken = broken or isinstance(error, BrokenProcessPool)
                    continue
                sink.write(json.dumps(r, separators=(",", ":")) + "\n")
                sink.flush()
                where = f"{r['task']}@{r['batch']}"
                print(f"{where:>20} {r['peer']:>10} seed {r['seed']} {r['n']} in {r['wall']:.0f} s", flush=True)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="core,hartmann6@8")
    parser.add_argument("--peers", default="ours,random,tpe,cma,optuna-gp")
    parser.add_argument("--label", default="ours", help="name of ours in the results: two variants can be compared")
    parser.add_argument("--seeds", default="5", help="a count, or a range such as 3-6")
    parser.add_argument("--evals", type=int, default=100, help="of a run; x 1.5, within the budget, on cost tasks")
    parser.add_argument("--cap", type=float, default=240.0, help="CPU seconds after which a run is cut")
    parser.add_argument("--minutes", type=float, default=10.0, help="start no new run after this")
    parser.add_argument("--procs", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    named = ",".join(a.label if peer == "ours" else peer for peer in a.peers.split(","))
    jobs = jobs_of(a.tasks, named, a.seeds)
    run_all(jobs, a.out, evals=a.evals, cap=a.cap, minutes=a.minutes, procs=a.procs, label=a.label)


if __name__ == "__main__":
    main()
