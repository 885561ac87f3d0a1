"""Tables of the runs as markdown: `python -m tests.bench.optimizer.report runs.jsonl [--paired] [--summary]`.

Ranks and win rates compare, task by task, the median over seeds of each optimizer.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import os
import platform
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.optimizer import tasks
from tests.bench.optimizer.metrics import (
    Reference,
    Run,
    evaluations_within,
    hypervolume,
    incumbent_at,
    reached,
    read_runs,
    regret_at,
)

Measure = Callable[[Run, Reference], float | None]
Rows = Mapping[str, Mapping[str, Sequence[float | None]]]

ORDER = (
    *("ours", "random", "sobol", "puffer", "puffer-cuda", "puffer3", "metta", "carbs"),
    *("tpe", "optuna-gp", "cma", "asha", "logei", "lognei", "hebo", "smac", "vizier"),
)
"""Columns of the tables. Peers that this repository has no adapter for may come from a file of earlier runs."""
SHARES = (0.1, 0.3, 1.0)
COUNTS = (25, 50, 100)


def cell(values: Sequence[float | None]) -> str:
    """Median [first quartile, third quartile] (number of seeds)."""
    known = [v for v in values if v is not None]
    if not known:
        return "-"
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    digits = 3 if median < 10 else 1
    return f"{median:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}] ({len(known)})"


def medians(cells: Mapping[str, Sequence[float | None]], peers: Sequence[str]) -> dict[str, float]:
    """Median over seeds of each peer that has any."""
    known = {p: [v for v in cells.get(p, []) if v is not None] for p in peers}
    return {p: float(np.median(values)) for p, values in known.items() if values}


def table(title: str, rows: Rows, peers: Sequence[str], *, higher_is_better: bool = False) -> list[str]:
    """A table of tasks by peers. Below: mean of the medians, mean rank and win rate."""
    rows = {name: cells for name, cells in rows.items() if medians(cells, peers)}
    if not rows:
        return []
    out = ["", f"### {title}", "", "| task | " + " | ".join(peers) + " |", "|---" * (len(peers) + 1) + "|"]
    out += [f"| {name} | " + " | ".join(cell(cells.get(p, [])) for p in peers) + " |" for name, cells in rows.items()]
    sign = -1 if higher_is_better else 1
    ranks, wins, games = defaultdict(list), defaultdict(float), defaultdict(int)
    for cells in rows.values():
        signed = {p: sign * value for p, value in medians(cells, peers).items()}
        for p, value in signed.items():
            others = [v for q, v in signed.items() if q != p]
            if not others:
                continue
            below = sum(v < value - 1e-12 for v in others)
            ties = sum(abs(v - value) <= 1e-12 for v in others)
            # scaled to [0, 1], so that rows in which an optimizer is missing can be averaged
            ranks[p].append((below + ties / 2) / len(others))
            wins[p] += len(others) - below - ties / 2
            games[p] += len(others)
    of_all = [medians(cells, peers) for cells in rows.values()]
    # only of the optimizers that have every task: the means of others are of other tasks
    mean = [f"**{np.mean([m[p] for m in of_all]):.3f}**" if all(p in m for m in of_all) else "-" for p in peers]
    rank = [f"**{np.mean(ranks[p]):.2f}** ({len(ranks[p])})" if ranks[p] else "-" for p in peers]
    won = [f"**{wins[p] / games[p]:.0%}**" if games[p] else "-" for p in peers]
    return [
        *out,
        "| **mean of medians** | " + " | ".join(mean) + " |",
        "| **mean rank** (0 best, 1 worst; tasks) | " + " | ".join(rank) + " |",
        "| **win rate** | " + " | ".join(won) + " |",
    ]


class Report:
    """The tables of one set of runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        present = {r["peer"] for r in runs}
        self.peers = [p for p in ORDER if p in present] + sorted(present - set(ORDER))

    def collect(self, names: Sequence[str], batch: int, measure: Measure) -> Rows:
        """{task: {peer: values over seeds}} of a measure."""
        rows: dict[str, dict[str, list[float | None]]] = {name: defaultdict(list) for name in names}
        for r in self.runs:
            if r["task"] in rows and r["batch"] == batch:
                rows[r["task"]][r["peer"]].append(measure(r, tasks.make(r["task"]).ref))
        return rows

    def lines(self) -> list[str]:
        """All tables."""
        out: list[str] = []
        for batch in sorted({r["batch"] for r in self.runs}):
            out += self.of_batch(batch, "sequential" if batch == 1 else f"{batch} pending, out of order")
        return [*out, *self.parallel(), *self.time()]

    def of_batch(self, batch: int, label: str) -> list[str]:
        """Regret, cost-budget regret and hypervolume with this many runs pending."""
        plain = [n for n in tasks.ALL if n not in tasks.COST]
        out: list[str] = []
        for n in COUNTS:
            rows = self.collect(plain, batch, lambda r, ref, n=n: regret_at(r, ref, n))
            out += table(f"Normalized regret after {n} evaluations ({label}; lower is better)", rows, self.peers)
        noisy = [n for n in plain if n.endswith("-noisy")] + tasks.ML
        rows = self.collect(noisy, batch, lambda r, ref: incumbent_at(r, ref, 100))
        out += table(f"Regret of the best observed point after 100 evaluations ({label})", rows, self.peers)
        for share in SHARES:
            within = f"within {share:.0%} of the cost budget ({label}"
            rows = self.collect(tasks.COST, batch, at_share(share, regret_at))
            out += table(f"Cost tasks: normalized regret {within}; lower is better)", rows, self.peers)
            rows = self.collect(tasks.COST, batch, at_share(share, hypervolume))
            title = f"Cost tasks: share of the ideal (score, log-cost) hypervolume {within}; higher is better)"
            out += table(title, rows, self.peers, higher_is_better=True)
        for n in COUNTS:
            rows = self.collect(tasks.ML, batch, lambda r, ref, n=n: hypervolume(r, ref, n) if r["n"] >= n else None)
            title = f"Real training: share of the ideal hypervolume after {n} evaluations ({label}; higher is better)"
            out += table(title, rows, self.peers, higher_is_better=True)
        return out

    def parallel(self) -> list[str]:
        """Quality (1 - median regret) with runs pending, as a share of the sequential quality."""
        out: list[str] = []
        for task, batch in sorted({(r["task"], r["batch"]) for r in self.runs if r["batch"] > 1}):
            if task in tasks.COST:
                continue
            for n in (25, 50):

                def measure(r: Run, ref: Reference, n: int = n) -> float | None:
                    return regret_at(r, ref, n)

                alone = medians(self.collect([task], 1, measure)[task], self.peers)
                beside = medians(self.collect([task], batch, measure)[task], self.peers)
                both = [p for p in self.peers if p in alone and p in beside]
                shares = [f"{(1 - beside[p]) / max(1 - alone[p], 1e-9):.0%}" for p in both]
                if both and not out:
                    out += ["", "### Quality (1 - regret) with runs pending, as a share of the sequential one", ""]
                    out += ["| task, evaluations | " + " | ".join(both) + " |", "|---" * (len(both) + 1) + "|"]
                if both:
                    out.append(f"| {task}, {batch} pending, {n} | " + " | ".join(shares) + " |")
        return out

    def time(self) -> list[str]:
        """Seconds per suggestion and errors. Memory is for tests.bench.latency: a process here serves several runs."""
        columns = "runs | cut by time | errors | mean s per suggestion | s, evaluations 40-50 | 90-100"
        out = ["", "### Runs, failures and time", "", f"| optimizer | {columns} |", "|---" * 7 + "|"]
        for p in self.peers:
            rs = [r for r in self.runs if r["peer"] == p]
            t = np.concatenate([r["t"] for r in rs if r["t"]] or [[math.nan]])
            late = {k: [x for r in rs if r["batch"] == 1 for x in r["t"][k - 10 : k]] for k in (50, 100)}
            cut = sum(r["truncated"] == "time" for r in rs)
            broken = sum(bool(r["truncated"]) and r["truncated"] != "time" for r in rs)
            seconds = " | ".join(f"{np.median(v):.3f}" if v else "-" for v in late.values())
            out.append(f"| {p} | {len(rs)} | {cut} | {broken} | {np.mean(t):.3f} | {seconds} |")
        errors = {(r["peer"], r["truncated"][:160]) for r in self.runs if r["truncated"] not in (None, "time")}
        return out + (["", "Errors:", ""] + [f"- `{p}`: {e}" for p, e in sorted(errors)] if errors else [])


def at_share(share: float, measure: Callable[[Run, Reference, int], float | None]) -> Measure:
    """A measure after the evaluations within a share of the cost budget."""

    def inner(run: Run, ref: Reference) -> float | None:
        if not reached(run, ref, share):
            return None
        return measure(run, ref, evaluations_within(run, share * ref["budget"]))

    return inner


def heading(runs: Sequence[Run], plot: str | None) -> list[str]:
    """What was compared, with which versions, and the plot."""
    names = ("numpy", "scipy", "torch", "gpytorch", "botorch", "optuna", "cmaes", "scikit-learn")
    versions = ", ".join(f"{name} {importlib.metadata.version(name).split('+')[0]}" for name in names)
    out = ["# Optimizer benchmark", ""]
    out += ["Written by `make bench-optimizer`; tasks, rules and measures are described in `tests/bench/optimizer/`."]
    seeds = sorted({r["seed"] for r in runs})
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}"
    out += [f"{len(runs)} runs, seeds {seeds[0]} to {seeds[-1]}, on {machine}, {versions}.", ""]
    out += ["Cells: median [first quartile, third quartile] (number of seeds)."]
    return out + (["", f"![Regret and hypervolume of each optimizer]({plot})"] if plot else [])


def main() -> None:
    """Print the tables, and write them to a file where one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--tasks", help="only these tasks or groups")
    parser.add_argument("--peers", help="only these optimizers")
    parser.add_argument("--paired", action="store_true", help="only seeds that every optimizer has")
    parser.add_argument("--summary", action="store_true", help="only the rows of mean ranks and win rates")
    parser.add_argument("--plot", help="address of the plot, from the file")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    runs: list[dict[str, Any]] = read_runs(a.files, tasks=a.tasks, peers=a.peers, paired=a.paired)
    if not runs:
        raise SystemExit("no runs to report: none is finished by every optimizer; give it more minutes")
    lines = [*heading(runs, a.plot), *Report(runs).lines()]
    if a.summary:
        lines = [line for line in lines if line.startswith(("#", "| **", "| task"))]
    text = "\n".join(lines) + "\n"
    print(text)
    if a.out:
        a.out.write_text(text)


if __name__ == "__main__":
    main()
