"""What sources of a warm start give: `python -m tests.bench.optimizer.transfer --pairs report --out transfer.jsonl`.

A pair is a task and its sources, such as hartmann6:moved or xgb-182:xgb-6+other. A source has the results of a search
of its own:

    same      the same task with other noise
    moved     its optimum is moved by a tenth of each range, scores are 3 s + 10, and costs are 5 times as high
    TASK      another task with the same parameters
    other     an unrelated one: parameters are exchanged and reversed
    inverted  the negative score: the best of the source is the worst of the task

Each pair and seed is searched without sources (cold), with them (sources) and, with `--modes told`, with their results
as if they were of the same task. A run that is in the file already is skipped. Printed are, by pair: the quality (1 -
regret) without and with sources after a tenth, a quarter, half and all of the budget, which is a number of evaluations
or, where the cost varies, training seconds; and what the search with sources needs to reach 90% of the quality that the
cold one has at the end, as a share of what the cold one needs (medians over the seeds).
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protein import BudgetExhausted, Observation, Source
from tests.bench.optimizer import tasks
from tests.bench.optimizer.space import Params
from tests.bench.ours import OursProtein

PAIRS = {
    "tune": "hartmann6:same,hartmann6:moved,hartmann6:other,hartmann6:inverted,rosenbrock5-noisy:same,"
    "rosenbrock5-noisy:moved,rosenbrock5-noisy:other,xgb-12:xgb-1501,xgb-12:other,xgb-12:inverted",
    "report": "ackley6:same,ackley6:moved,ackley6:other,ackley6:inverted,branin2-noisy:same,branin2-noisy:moved,"
    "branin2-noisy:other,branin2-noisy:inverted,xgb-182:xgb-6,xgb-182:other,xgb-182:inverted",
}
SHARES = (0.1, 0.25, 0.5, 1.0)
UNRELATED = ("other", "inverted")
Run = dict[str, Any]
Truth = Callable[[Params], tuple[float, float, float]]


def truth_of(task: tasks.Task, change: str) -> Truth:
    """Score, cost and probability of failure of a source."""
    rng = np.random.default_rng(zlib.crc32(f"{task.name} {change}".encode()))
    space = task.space

    def at(units: Any) -> tuple[float, float, float]:
        return task.truth(space.from_unit(np.clip(units, 0.0, 1.0)))

    if change == "same":
        return task.truth
    if change == "moved":
        step = 0.1 * rng.choice([-1.0, 1.0], size=len(space))
        return lambda p: _scaled(at(space.to_unit(p) + step), 3.0, 10.0, 5.0)
    if change == "other":
        order = rng.permutation(len(space))
        return lambda p: at(1.0 - space.to_unit(p)[order])
    if change == "inverted":
        return lambda p: _scaled(task.truth(p), -1.0, 0.0, 1.0)
    return tasks.make(change).truth


def _scaled(found: tuple[float, float, float], factor: float, shift: float, cost: float) -> tuple[float, float, float]:
    return found[0] * factor + shift, found[1] * cost, found[2]


def budget_of(task: tasks.Task, evals: int) -> float | None:
    """Training seconds, as many for each evaluation as in the other comparisons; None where the cost does not vary."""
    return task.ref["budget"] * evals / 150 if task.family == "cost" else None


def search(
    task: tasks.Task, truth: Truth, seed: int, evals: int, told: Sequence[Run], sources: Sequence[Source]
) -> Run:
    """One search. told: rows that are told as results of the same task."""
    options: dict[str, Any] = {"max_cost": task.max_cost, "cost_param": task.cost_param, "sources": sources}
    if not told:  # they would count as paid by the budget
        options |= {"budget": budget_of(task, evals), "runs": evals}
    ours = OursProtein(task.space.spec(), seed=seed, **options)
    noise = np.random.SeedSequence([zlib.crc32(task.name.encode()), seed]).spawn(evals)
    for row in told:
        ours.observe(row["params"], row["score"], row["cost"], row["score"] is None)
    rows: list[Run] = []
    weights: list[dict[str, float]] = []
    while len(rows) < evals:
        try:
            params, info = ours.protein.suggest()
        except BudgetExhausted:
            break
        flat = {**ours.defaults, **ours.space.flatten(params)}
        rng = np.random.default_rng(noise[len(rows)])
        score, cost, p_fail = truth(flat)
        failed = rng.random() < p_fail
        observed = None if failed else score + task.noise * rng.standard_normal()
        charged = cost * math.exp(task.cost_noise * rng.standard_normal())
        ours.protein.observe(params, score=observed, cost=charged, is_failure=failed)
        true = None if failed else score
        rows.append({"params": flat, "score": observed, "cost": charged, "true": true, "true_cost": cost})
        weights.append(info.details.get("sources", {}))
    return {"rows": rows, "weights": weights}


class Runs:
    """The runs of a file, computed when they are missing."""

    def __init__(self, path: Path, evals: int) -> None:
        self._path, self._evals = path, evals
        lines = path.read_text().splitlines() if path.exists() else []
        self._known = {tuple(run["key"]): run for run in map(json.loads, lines)}

    def source(self, name: str, change: str, seed: int) -> Run:
        """The search of a source."""
        task = tasks.make(name)
        return self._run(
            ("source", name, change, seed),
            lambda: search(task, truth_of(task, change), 1000 + seed, self._evals, (), ()),
        )

    def target(self, pair: str, mode: str, seed: int) -> Run:
        """The search of a task."""
        name, _, changes = pair.partition(":")
        task = tasks.make(name)
        if mode == "cold":
            return self._run((mode, name, "", seed), lambda: search(task, task.truth, seed, self._evals, (), ()))
        found = {change: self.source(name, change, seed)["rows"] for change in changes.split("+")}
        told: list[Run] = []
        sources: list[Source] = []
        if mode == "told":
            told = [row for rows in found.values() for row in rows]
        else:
            sources = [Source(change, _observations(name, rows)) for change, rows in found.items()]
        return self._run(
            (mode, name, changes, seed), lambda: search(task, task.truth, seed, self._evals, told, sources)
        )

    def _run(self, key: tuple[Any, ...], compute: Callable[[], Run]) -> Run:
        if key not in self._known:
            self._known[key] = {"key": key, **compute()}
            with self._path.open("a") as sink:
                sink.write(json.dumps(self._known[key], separators=(",", ":")) + "\n")
            print(*key, flush=True)
        return self._known[key]


def _observations(name: str, rows: Sequence[Run]) -> list[Observation]:
    when = {dim.name: dim.when for dim in tasks.make(name).space.dims if dim.when}
    active = [
        {n: v for n, v in row["params"].items() if n not in when or row["params"][when[n][0]] in when[n][1]}
        for row in rows
    ]
    return [
        Observation(params, row["score"], row["cost"], row["score"] is None)
        for params, row in zip(active, rows, strict=True)
    ]


def qualities(name: str, run: Run, evals: int) -> tuple[Any, Any]:
    """The quality after each evaluation, and the share of the budget that was used by then."""
    task = tasks.make(name)
    ref = task.ref
    true = [ref["q10"] if row["true"] is None else row["true"] for row in run["rows"]]
    best = np.maximum.accumulate(np.maximum(true, ref["q10"]))
    budget = budget_of(task, evals)
    costs = [1.0 / evals if budget is None else row["true_cost"] / budget for row in run["rows"]]
    return 1.0 - np.maximum((ref["best"] - best) / (ref["best"] - ref["median"]), 0.0), np.cumsum(costs)


def at_shares(quality: Any, used: Any) -> list[float]:
    """The quality at each of SHARES."""
    within = [int(np.searchsorted(used, share + 1e-9, side="right")) for share in SHARES]
    return [float(quality[count - 1]) if count else math.nan for count in within]


def needed(quality: Any, used: Any, level: float) -> float:
    """The share of the budget until a quality is reached."""
    reached = np.flatnonzero(quality >= level)
    return float(used[reached[0]]) if len(reached) else math.inf


def row_of(runs: Runs, pair: str, mode: str, seeds: range, evals: int) -> str:
    """A row of the table."""
    name = pair.partition(":")[0]
    cold, warm, shares, weights = [], [], [], []
    for seed in seeds:
        one = qualities(name, runs.target(pair, "cold", seed), evals)
        run = runs.target(pair, mode, seed)
        other = qualities(name, run, evals)
        cold.append(at_shares(*one))
        warm.append(at_shares(*other))
        level = 0.9 * float(one[0][-1])
        shares.append(needed(*other, level) / needed(*one, level))
        weights.append(math.fsum(run["weights"][-1].values()))
    cells = " / ".join(f"{value:.2f}" for value in np.nanmean(cold, axis=0))
    others = " / ".join(f"{value:.2f}" for value in np.nanmean(warm, axis=0))
    ratio = np.nanmean(warm, axis=0)[-1] / np.nanmean(cold, axis=0)[-1]
    return f"| {pair} | {mode} | {cells} | {others} | {ratio:.3f} | {np.median(shares):.2f} | {np.mean(weights):.2f} |"


def main() -> None:
    """Search what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default="report")
    parser.add_argument("--modes", default="sources")
    parser.add_argument("--seeds", default="0-4")
    parser.add_argument("--evals", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    first, _, last = a.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    runs, pairs = Runs(a.out, a.evals), PAIRS.get(a.pairs, a.pairs).split(",")
    modes: Mapping[str, None] = dict.fromkeys(a.modes.split(","))
    for seed in seeds:  # whole seeds first, so that an interrupted comparison has them
        for pair in pairs:
            for mode in modes:
                runs.target(pair, "cold", seed)
                runs.target(pair, mode, seed)
    heads = ("pair", "mode", "quality without", "quality with sources", "ratio", "needed for 90%", "weight")
    print("| " + " | ".join(heads) + " |")
    print("|---" * 7 + "|")
    for pair in pairs:
        for mode in modes:
            print(row_of(runs, pair, mode, seeds, a.evals))


if __name__ == "__main__":
    main()
