"""Protein with and without learning curves: `python -m tests.bench.curves.run --half tune --out runs.jsonl`.

Runs are played in virtual time on one or more slots. A variant "curves" is told every report when it happens; "base" is
told results only; "rows" uses the reports as rows of its models (dial_rows.py). All meet the same runs. With --told,
they know the budget. What is in the file is not run again.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protein import Budget, BudgetExhausted, Protein, SearchSpace
from tests.bench.curves.dial_rows import DialRows
from tests.bench.curves.tables import Task, tasks_of
from tests.bench.ours import parameter

MOST_RUNS = 50
"""Number of runs after which a search ends, whatever is left of its budget."""


class Ours:
    """Protein, told results and, unless it is "base", reports. told: whether it knows the budget."""

    def __init__(self, task: Task, seed: int, *, peer: str, told: bool = False) -> None:
        spec = {name: parameter(fields) for name, fields in task.space.spec().items()}
        if task.dial is not None:
            spec[task.dial]["scale"] = "time"
        made = DialRows if peer == "rows" else Protein
        budget = Budget(cost=task.budget, runs=MOST_RUNS) if told else None
        self.protein, self.reads = made(SearchSpace(spec), seed=seed, budget=budget), peer != "base"
        self.told: set[tuple[int, float]] = set()

    def suggest(self, running: Sequence[dict[str, Any]], index: int) -> dict[str, Any]:
        """The next run beside the running ones."""
        suggestion, _ = self.protein.suggest(pending=[run["params"] for run in running], index=index)
        return self.protein.space.flatten(suggestion)

    def report(self, run: dict[str, Any], until: float) -> None:
        """The reports of a run in its first `until` seconds."""
        if not self.reads:
            return
        reports = run["reports"]
        for epoch, score, seconds in zip(reports.epochs[:-1], reports.scores, reports.seconds, strict=False):
            if seconds <= until and (run["index"], epoch) not in self.told:
                self.told.add((run["index"], epoch))
                self.protein.report(
                    run["params"], step=float(epoch), score=float(score), cost=float(seconds),
                    max_step=float(reports.epochs[-1]),
                )  # fmt: skip

    def observe(self, run: dict[str, Any]) -> None:
        """A finished run."""
        self.report(run, math.inf)
        reports = run["reports"]
        self.protein.observe(run["params"], score=float(reports.scores[-1]), cost=float(reports.seconds[-1]))


def play(task: Task, peer: str, seed: int, slots: int, *, told: bool = False) -> dict[str, Any]:
    """One run of the benchmark: the results by spent seconds."""
    optimizer = Ours(task, seed, peer=peer, told=told)
    began = time.process_time()
    running: list[tuple[float, int, dict[str, Any]]] = []
    out: dict[str, Any] = {"task": task.name, "peer": peer, "seed": seed, "slots": slots, "told": told}
    out |= {"score": [], "cost": [], "spent": [], "epochs": [], "points": []}
    now, index = 0.0, 0
    while now * slots < task.budget:
        while len(running) < slots and index < MOST_RUNS:
            for _, _, run in running:
                optimizer.report(run, now - run["begin"])
            try:
                params = task.space.center() if index == 0 else optimizer.suggest([run for *_, run in running], index)
            except BudgetExhausted:
                break
            run = {"params": params, "reports": task.run(params), "begin": now, "index": index}
            heapq.heappush(running, (now + float(run["reports"].seconds[-1]), index, run))
            index += 1
        if not running:
            break
        now, _, run = heapq.heappop(running)
        optimizer.observe(run)
        out["score"].append(round(float(run["reports"].scores[-1]), 5))
        out["cost"].append(round(float(run["reports"].seconds[-1]), 5))
        out["epochs"].append(float(run["reports"].epochs[-1]))
        out["spent"].append(round(now * slots, 5))
        reports = run["reports"]
        out["points"].append(
            [[float(f"{c:.5g}"), round(float(s), 4)] for c, s in zip(reports.seconds, reports.scores, strict=True)]
        )
    return out | {"budget": task.budget, "cpu": round(time.process_time() - began, 2)}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", default="tune", choices=("tune", "report"))
    parser.add_argument("--tasks", help="some of the half's tasks")
    parser.add_argument("--peers", default="base,curves")
    parser.add_argument("--seeds", default="0-2")
    parser.add_argument("--slots", default="4")
    parser.add_argument("--told", action="store_true", help="the searches know their budget")
    parser.add_argument("--minutes", type=float, default=60.0, help="start no run after this")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Play all runs that are not in the file."""
    a = arguments()
    lines = a.out.read_text().splitlines() if a.out.exists() else []
    done = {(r["task"], r["peer"], r["seed"], r["slots"], r.get("told", False)) for r in map(json.loads, lines)}
    first, _, last = a.seeds.partition("-")
    stop = time.monotonic() + 60 * a.minutes
    tasks = {name: Task(name) for name in (a.tasks.split(",") if a.tasks else tasks_of(a.half))}
    seeds, slots = range(int(first), int(last or first) + 1), map(int, a.slots.split(","))
    for seed, slot_count, name, peer in itertools.product(seeds, slots, tasks, a.peers.split(",")):
        if (name, peer, seed, slot_count, a.told) in done or time.monotonic() >= stop:
            continue
        row = play(tasks[name], peer, seed, slot_count, told=a.told)
        with a.out.open("a") as file:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")
        best = np.max(row["score"], initial=-math.inf)
        print(f"{name:>24} {peer:>7} seed {seed} slots {slot_count}: best {best:.4f}, {row['cpu']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
