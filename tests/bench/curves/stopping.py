"""Early stopping on the tables: `python -m tests.bench.curves.stopping --half report --out stopping.jsonl`.

A peer is a search with a rule, such as `random+asha`. The rules `asha` and `median` are those of a Sweep with default
settings, `model` stops by the forecasts of Protein, and `optuna-asha` and `optuna-median` are Optuna's pruners with
default settings. Searches are played in virtual time on four slots, with the same seconds. All runs have the full
number of epochs. What is in the file is not run again.

Of a stopped run, the table knows how it would have ended. A verdict is wrong if the run would have been Pareto-optimal
in score and seconds among the finished runs of the whole search, and "of the best" if it would have had the best score.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protein import Protein, SearchSpace
from sweep_operator.api.early_stopping import EarlyStopping
from sweep_operator.decide.stopping import RULES, Sample, judge, levels
from tests.bench.curves.report import SHARES, within
from tests.bench.curves.tables import FIXED, Run, Task, tasks_of
from tests.bench.optimizer.metrics import area
from tests.bench.ours import parameter

MOST_RUNS, SLOTS = 150, 4
SETTINGS = EarlyStopping()
PEERS = (
    "random,random+asha,random+median,random+model,tpe,tpe+optuna-median,tpe+optuna-asha,ours,ours+asha,ours+median,"
    "ours+model"
)


class Search:
    """Random search or Protein with a rule of early stopping, or without one."""

    def __init__(self, task: Task, seed: int, sampler: str, rule: str) -> None:
        spec = {name: parameter(fields) for name, fields in task.space.spec().items()}
        self.protein, self.space = Protein(SearchSpace(spec), seed=seed), task.space
        self.rng = np.random.default_rng(seed) if sampler == "random" else None
        self.rule, self.model = RULES.get(rule), rule == "model"
        self.marks: dict[int, list[float]] = defaultdict(list)
        self.curves: dict[int, list[Sample]] = defaultdict(list)

    def suggest(self, running: Sequence[dict[str, Any]], index: int) -> dict[str, Any]:
        """The next run beside the running ones."""
        if index == 0:
            return self.space.center()
        if self.rng is not None:
            return self.space.sample(self.rng)
        params, _ = self.protein.suggest(pending=[run["params"] for run in running], index=index)
        return self.protein.space.flatten(params)

    def report(self, run: dict[str, Any], epoch: float, score: float, seconds: float) -> bool:
        """Whether the run must stop after a report, which is not its last one."""
        if self.rng is None or self.model:
            end = float(run["reports"].epochs[-1])
            self.protein.report(run["params"], step=epoch, score=score, cost=seconds, max_step=end)
        before = self.curves[run["index"]]
        now = self.curves[run["index"]] = [*before, Sample(epoch, score, seconds)]
        if self.model:
            return self._hopeless(run, now)
        if self.rule is None:
            return False
        found = judge(self.rule, before, now, lambda mark: sorted(self.marks[mark]), SETTINGS)
        if not self.rule.finished:
            self._note(before, now)
        return found is not None

    def _hopeless(self, run: dict[str, Any], curve: Sequence[Sample]) -> bool:
        """By the forecast, at the steps 1, 2, 4, 8 and so on."""
        last = len(curve) > 1 and math.floor(math.log2(curve[-1].step)) == math.floor(math.log2(curve[-2].step))
        if last or len(curve) < SETTINGS.min_reports:
            return False
        found = self.protein.forecast(run["params"])
        return found.learned_from >= SETTINGS.min_runs and found.front_probability < 1 - SETTINGS.confidence

    def _note(self, before: Sequence[Sample], now: Sequence[Sample]) -> None:
        assert self.rule is not None
        known = levels(self.rule, before)
        for mark, value in levels(self.rule, now).items():
            if mark not in known:
                self.marks[mark].append(value)

    def end(self, run: dict[str, Any], score: float, seconds: float, *, stopped: bool) -> None:
        """The end of a run."""
        if self.rule is not None and not stopped and self.rule.finished:
            self._note([], self.curves[run["index"]])
        told = {"cost_is_lower_bound": True} if stopped else {"score": score}
        self.protein.observe(run["params"], cost=seconds, **told)


class OptunaSearch:
    """TPE with one of Optuna's pruners, or without one."""

    def __init__(self, task: Task, seed: int, sampler: str, rule: str) -> None:
        import optuna

        from tests.bench.optimizer.peer import params_key
        from tests.bench.optimizer.peers import OptunaTPE

        pruners = {"optuna-median": optuna.pruners.MedianPruner, "optuna-asha": optuna.pruners.SuccessiveHalvingPruner}
        self.peer, self.key, self.center = OptunaTPE(task.space.spec(), seed=seed), params_key, task.space.center()
        self.peer.study.pruner = pruners.get(rule, optuna.pruners.NopPruner)()
        self.pruned = optuna.trial.TrialState.PRUNED

    def suggest(self, running: Sequence[dict[str, Any]], index: int) -> dict[str, Any]:
        """The next run; the first one is the search center."""
        if index == 0:
            dims = {d.name: d.coord(self.center[d.name]) for d in self.peer.space.dims}
            self.peer.study.enqueue_trial({d.name: round(dims[d.name]) if d.is_int else dims[d.name]
                                           for d in self.peer.space.dims})  # fmt: skip
        (params,) = self.peer.suggest(1)
        return params

    def report(self, run: dict[str, Any], epoch: float, score: float, seconds: float) -> bool:
        """Whether the run must stop after a report, which is not its last one."""
        trial = self.peer.open[self.key(run["params"])][0]
        trial.report(score, int(epoch))
        return bool(trial.should_prune())

    def end(self, run: dict[str, Any], score: float, seconds: float, *, stopped: bool) -> None:
        """The end of a run."""
        trial = self.peer.open[self.key(run["params"])].pop(0)
        if stopped:
            self.peer.study.tell(trial, state=self.pruned)
        else:
            self.peer.study.tell(trial, score)


def play(task: Task, peer: str, seed: int) -> dict[str, Any]:
    """One search: the finished runs by spent seconds, and the verdicts with what the runs would have become."""
    sampler, _, rule = peer.partition("+")
    search = (OptunaSearch if sampler == "tpe" else Search)(task, seed, sampler, rule)
    out: dict[str, Any] = {"task": task.name, "peer": peer, "seed": seed, "slots": SLOTS, "budget": task.budget}
    out |= {"score": [], "cost": [], "spent": [], "points": [], "stopped": []}
    began, index, now = time.process_time(), 0, 0.0
    queue: list[tuple[float, int, int]] = []
    running: dict[int, dict[str, Any]] = {}
    while now * SLOTS < task.budget:
        while len(running) < SLOTS and index < MOST_RUNS:
            params = search.suggest([*running.values()], index)
            running[index] = {"params": params, "reports": task.run(params), "begin": now, "index": index}
            heapq.heappush(queue, (now + float(running[index]["reports"].seconds[0]), index, 0))
            index += 1
        if not queue:
            break
        now, at, k = heapq.heappop(queue)
        run = running[at]
        reports: Run = run["reports"]
        score, seconds = float(reports.scores[k]), float(reports.seconds[k])
        last = k + 1 == len(reports.epochs)
        stopped = not last and search.report(run, float(reports.epochs[k]), score, seconds)
        if not last and not stopped:
            heapq.heappush(queue, (run["begin"] + float(reports.seconds[k + 1]), at, k + 1))
            continue
        del running[at]
        search.end(run, score, seconds, stopped=stopped)
        if stopped:
            out["stopped"].append([seconds, float(reports.seconds[-1]), float(reports.scores[-1])])
        else:
            for name, value in (("score", score), ("cost", seconds), ("spent", now * SLOTS)):
                out[name].append(round(value, 5))
            out["points"].append([[seconds, score]])
    return out | {"cpu": round(time.process_time() - began, 2)}


def values(row: dict[str, Any]) -> list[float]:
    """Shares of runs that were stopped and of seconds that this saved, numbers of verdicts that are wrong, that stopped
    the best run, and of all, then regrets and hypervolumes."""
    finished, stopped = [*zip(row["cost"], row["score"], strict=True)], row["stopped"]
    wrong = [not any(s >= score and c <= end for c, s in finished) for _, end, score in stopped]
    best_stopped = [score > max(row["score"], default=-math.inf) for *_, score in stopped]
    saved = math.fsum(end - at for at, end, _ in stopped)
    spent = math.fsum(row["cost"]) + math.fsum(at for at, *_ in stopped)
    count = max(len(finished) + len(stopped), 1)
    ref = Task(row["task"]).reference
    grid = np.linspace(math.log(ref["min_cost"]), math.log(ref["max_cost"]), 201)
    regrets, volumes = [], []
    for share in SHARES:
        points = within(row, share)
        best = max([ref["q10"], *(score for _, score in points)])
        regrets.append(max(0.0, (ref["best"] - best) / (ref["best"] - ref["median"])))
        volumes.append(area(grid, points, ref) / area(grid, ref["front"], ref))
    return [
        len(stopped) / count,
        saved / (saved + spent),
        sum(wrong),
        sum(best_stopped),
        len(stopped),
        *regrets,
        *volumes,
    ]


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Means over the tasks and seeds that all peers have."""
    peers = list(dict.fromkeys(row["peer"] for row in rows))
    found = {(row["task"], row["seed"], row["peer"]): row for row in rows}
    keys = sorted({(t, s) for t, s, _ in found if all((t, s, p) in found for p in peers)})
    print(f"{len(keys)} searches of {len({t for t, _ in keys})} tasks each\n")
    heads = [f"{what} {share:.0%}" for what in ("regret", "hypervolume") for share in SHARES]
    print("| search | stopped | saved | wrong verdicts | of the best | " + " | ".join(heads) + " |")
    print("|---" * (5 + len(heads)) + "|")
    for peer in peers:
        table = np.array([values(found[task, seed, peer]) for task, seed in keys])
        wrong, of_best, verdicts = table[:, 2:5].sum(axis=0)
        shares = [f"{wrong / verdicts:.1%} of {verdicts:.0f}", f"{of_best / verdicts:.1%}"] if verdicts else ["-", "-"]
        cells = [f"{table[:, 0].mean():.0%}", f"{table[:, 1].mean():.0%}", *shares]
        print(f"| {peer} | " + " | ".join([*cells, *(f"{v:.3f}" for v in table[:, 5:].mean(axis=0))]) + " |")


def main() -> None:
    """Play the searches that are not in the file, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", default="tune", choices=("tune", "report"))
    parser.add_argument("--peers", default=PEERS)
    parser.add_argument("--seeds", default="0-2")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    lines = a.out.read_text().splitlines() if a.out.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(row["task"], row["peer"], row["seed"]) for row in rows}
    first, _, last = a.seeds.partition("-")
    tasks = {name: Task(name) for name in tasks_of(a.half) if name.endswith(FIXED)}
    for seed, name, peer in itertools.product(range(int(first), int(last or first) + 1), tasks, a.peers.split(",")):
        if (name, peer, seed) in done:
            continue
        rows.append(play(tasks[name], peer, seed))
        with a.out.open("a") as file:
            file.write(json.dumps(rows[-1], separators=(",", ":")) + "\n")
        print(
            f"{name:>24} {peer:>18} seed {seed}: {len(rows[-1]['stopped'])} stopped, {rows[-1]['cpu']:.0f} s",
            flush=True,
        )
    print_table([row for row in rows if row["peer"] in a.peers.split(",")])


if __name__ == "__main__":
    main()
