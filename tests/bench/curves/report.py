"""Paired figures of two variants: `python -m tests.bench.curves.report runs.jsonl --of base,curves`.

For each task and number of slots, the means over the seeds that both have: the seconds that the second variant needs
for the score that the first one has at 30% and at 100% of the budget, relative to the first one's (geometric mean; the
whole budget counts twice if the score is not reached), and the regret and hypervolume of both within 10, 30 and 100%.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.curves.tables import FIXED, Task
from tests.bench.optimizer.metrics import area

SHARES = (0.1, 0.3, 1.0)
Row = Mapping[str, Any]


def seconds_to(row: Row, score: float) -> float:
    """Seconds spent until a finished run has at least `score`; twice the budget without one."""
    reached = [spent for spent, s in zip(row["spent"], row["score"], strict=True) if s >= score - 1e-9]
    return float(min([*reached, 2 * row["budget"]]))


def within(row: Row, share: float) -> list[tuple[float, float]]:
    """Log-cost and score of the runs that finished within a share of the budget."""
    rows = zip(row["spent"], row["cost"], row["score"], strict=True)
    return [(math.log(cost), score) for spent, cost, score in rows if spent <= share * row["budget"] * (1 + 1e-9)]


def reported(row: Row, share: float) -> list[tuple[float, float]]:
    """As `within`, with all reports of those runs: with a cost dial, each is the result of a shorter run."""
    runs = zip(row["spent"], row["points"], strict=True)
    most = share * row["budget"] * (1 + 1e-9)
    points = (run if not row["task"].endswith(FIXED) else run[-1:] for spent, run in runs if spent <= most)
    return [(math.log(cost), score) for run in points for cost, score in run]


def values(task: Task, first: Row, second: Row) -> list[float]:
    """Ratios of seconds at 30 and 100%, then regrets and hypervolumes of both at each share."""
    ref, out = task.reference, []
    for share in SHARES[1:]:
        goal = max([s for _, s in within(first, share)], default=-math.inf)
        out.append(math.log(seconds_to(second, goal) / seconds_to(first, goal)) if goal > -math.inf else 0.0)
    grid = np.linspace(math.log(ref["min_cost"]), math.log(ref["max_cost"]), 201)
    for share in SHARES:
        for row in (first, second):
            best = max([ref["q10"], *(s for _, s in within(row, share))])
            out.append(max(0.0, (ref["best"] - best) / (ref["best"] - ref["median"])))
        out += [area(grid, reported(row, share), ref) / area(grid, ref["front"], ref) for row in (first, second)]
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--of", default="base,curves")
    a = parser.parse_args()
    first, _, second = a.of.partition(",")
    rows = [json.loads(line) for path in a.files for line in path.read_text().splitlines()]
    by_key = {(r["task"], r["slots"], r["seed"], r["peer"]): r for r in rows}
    found: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for (name, slots, seed, peer), row in sorted(by_key.items()):
        other = by_key.get((name, slots, seed, second))
        if peer == first and other is not None:
            found[name, slots].append(values(Task(name), row, other))
    heads = [f"{what} {share:.0%}" for share in SHARES for what in ("regret", "hypervolume")]
    print("| task | slots | pairs | seconds to the score at 30% | at 100% | " + " | ".join(heads) + " |")
    print("|---" * (5 + len(heads)) + "|")
    means = [(name, slots, len(pairs), np.mean(pairs, axis=0)) for (name, slots), pairs in found.items()]
    for slots in sorted({slots for _, slots, _, _ in means}):
        for dial in (True, False):
            chosen = [m for m in means if m[1] == slots and m[0].endswith(FIXED) != dial]
            for name, _, count, mean in chosen:
                print(_line(name, slots, count, mean))
            if len(chosen) > 1:
                print(
                    _line(
                        "**mean of tasks**",
                        slots,
                        sum(c for *_, c, _ in chosen),
                        np.mean([m[3] for m in chosen], axis=0),
                    )
                )


def _line(name: str, slots: int, count: int, mean: Any) -> str:
    cells = [f"{math.exp(mean[0]):.2f}", f"{math.exp(mean[1]):.2f}"]
    cells += [f"{mean[i]:.3f} -> {mean[i + 1]:.3f}" for i in range(2, len(mean), 2)]
    return f"| {name} | {slots} | {count} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
