"""Curves of the runs: `python -m tests.bench.optimizer.plot runs.jsonl --out docs/optimizer-benchmark.svg`.

One panel per task: normalized regret over evaluations, or over the share of the cost budget; below, for tasks with
costs, the share of the ideal (score, log-cost) hypervolume. Lines are medians over seeds, bands the quartiles.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from tests.bench.optimizer import tasks
from tests.bench.optimizer.metrics import (
    Reference,
    Run,
    evaluations_within,
    hypervolume,
    reached,
    read_runs,
    regret_at,
)
from tests.bench.optimizer.report import ORDER
from tests.bench.optimizer.space import Array
from tests.bench.optimizer.svg import compact

COLOURS = {
    "ours": "#d55e00",
    "optuna-gp": "#0072b2",
    "logei": "#009e73",
    "tpe": "#cc79a7",
    "cma": "#8c6d1f",
    "asha": "#56b4e9",
    "random": "#999999",
    "sobol": "#bbbbbb",
}
LEAST_REGRET = 1e-3
"""Floor of the logarithmic axis: what is below has found the optimum."""
SHARES = np.linspace(0.02, 1.0, 50)
Curve = Callable[[Run, Reference, int], float | None]


def curve(run: Run, measure: Curve, positions: Sequence[float] | Array, *, by_cost: bool) -> list[float]:
    """Values at evaluations, or at shares of the cost budget; NaN where the run was cut before."""
    ref = tasks.make(run["task"]).ref
    out = []
    for position in positions:
        if by_cost:
            fits = reached(run, ref, position)
            value = measure(run, ref, evaluations_within(run, position * ref["budget"])) if fits else None
        else:
            value = measure(run, ref, int(position)) if run["n"] >= position else None
        out.append(math.nan if value is None else value)
    return out


def draw(axes: Any, runs: Sequence[Run], measure: Curve, *, logarithmic: bool) -> None:
    """One panel: a line and a band for each optimizer."""
    task = tasks.make(runs[0]["task"])
    by_cost = task.family == "cost"
    present = {r["peer"] for r in runs}
    longest = max(r["n"] for r in runs)
    positions = SHARES if by_cost else np.unique(np.linspace(1, longest, 50).astype(int))
    # ours last, on top of the others
    for peer in [p for p in [*ORDER[::-1], *sorted(present - set(ORDER))] if p in present]:
        values = np.array([curve(r, measure, positions, by_cost=by_cost) for r in runs if r["peer"] == peer])
        whole = np.isfinite(values).all(axis=0)
        low, median, high = np.quantile(values[:, whole], [0.25, 0.5, 0.75], axis=0)
        floor = LEAST_REGRET if logarithmic else -math.inf
        color, ours = COLOURS.get(peer, "#666666"), peer == "ours"
        x = positions[whole]
        axes.fill_between(x, np.maximum(low, floor), np.maximum(high, floor), color=color, alpha=0.13, linewidth=0)
        axes.plot(x, np.maximum(median, floor), color=color, linewidth=2.4 if ours else 1.3, label=peer)
    if logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(LEAST_REGRET * 0.9, None)
    axes.set_xlabel("share of the cost budget" if by_cost else "evaluations")
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def panels(runs: Sequence[Run]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Tasks with the runs kept pending: all of them, and those with costs."""
    there = {(r["task"], r["batch"]) for r in runs}
    regret = sorted(there, key=lambda t: (t[1], tasks.ALL.index(t[0])))
    return regret, [t for t in regret if tasks.make(t[0]).family != "synthetic" and t[1] == 1]


def figure(runs: Sequence[Run]) -> Any:
    """All panels: regret first, then hypervolume."""
    plt.rcParams.update(
        {
            "font.size": 9,
            "font.sans-serif": ["DejaVu Sans"],
            "svg.hashsalt": "optimizer-benchmark",
            "svg.fonttype": "none",
        }
    )
    regret, volume = panels(runs)
    count = len(regret) + len(volume)
    columns = min(4, count)
    rows = -(-count // columns)
    fig, grid = plt.subplots(rows, columns, figsize=(3.4 * columns, 2.9 * rows), squeeze=False, layout="constrained")
    flat = list(grid.flat)
    for axes, (name, pending) in zip(flat, regret, strict=False):
        draw(axes, chosen(runs, name, pending), regret_at, logarithmic=True)
        axes.set_title(name if pending == 1 else f"{name}, {pending} pending", fontsize=10)
        axes.set_ylabel("regret")
    for axes, (name, pending) in zip(flat[len(regret) :], volume, strict=False):
        draw(axes, chosen(runs, name, pending), hypervolume, logarithmic=False)
        axes.set_title(name, fontsize=10)
        axes.set_ylabel("hypervolume, share of ideal")
    for axes in flat[count:]:
        axes.set_visible(False)
    named: dict[str, Any] = {}
    for axes in flat[:count]:
        handles, labels = axes.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    order = [p for p in ORDER if p in named] + sorted(set(named) - set(ORDER))
    fig.legend([named[p] for p in order], order, loc="outside lower center", ncols=len(order), frameon=False)
    return fig


def chosen(runs: Sequence[Run], name: str, pending: int) -> list[Run]:
    """The runs of one panel."""
    return [r for r in runs if r["task"] == name and r["batch"] == pending]


def main() -> None:
    """Draw the figure to a file, SVG or PNG by its name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--tasks")
    parser.add_argument("--peers")
    parser.add_argument("--paired", action="store_true", help="only seeds that every optimizer has")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    runs = read_runs(a.files, tasks=a.tasks, peers=a.peers, paired=a.paired)
    if not runs:
        raise SystemExit("no runs to draw: none is finished by every optimizer; give it more minutes")
    a.out.parent.mkdir(parents=True, exist_ok=True)
    if a.out.suffix != ".svg":
        figure(runs).savefig(a.out, dpi=110, facecolor="white")
        return
    text = io.StringIO()
    # no date, so that the same runs give the same file
    figure(runs).savefig(text, format="svg", metadata={"Date": None}, facecolor="white")
    a.out.write_text(compact(text.getvalue()))


if __name__ == "__main__":
    main()
