"""The benchmark's tasks stay what they were, since stored runs of other optimizers are compared with new ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.bench.optimizer import metrics, tasks
from tests.bench.optimizer.run import jobs_of, run_one

SCORES = [
    ("branin2", -104.83623951010185, 1.0, -87.89822654413419),
    ("hartmann6-noisy", -0.027025960273845517, 1.0, 0.32931155930780115),
    ("rosenbrock5", -2086.7827217780987, 1.0, -540.5483803117129),
    ("rl8", -0.0016803663802204896, 9.639098628325971, 0.07781853870779085),
]


@pytest.mark.parametrize(("name", "score", "cost", "center"), SCORES)
def test_task_reproduces_the_stored_scores(name: str, score: float, cost: float, center: float) -> None:
    task, rng = tasks.make(name), np.random.default_rng(3)
    params = task.space.sample(rng)
    first, second = task.evaluate(params, rng), task.evaluate(task.space.center(), rng)
    assert (first.score, first.cost, second.score) == pytest.approx((score, cost, center), rel=1e-12)


def test_regret_is_zero_at_the_optimum_and_maximal_for_failures() -> None:
    ref = tasks.make("hartmann6").ref
    found = {"n": 2, "true": [None, ref["best"]], "obs": [None, ref["best"]]}
    assert metrics.regret_at(found, ref, 2) == 0.0
    worst = (ref["best"] - ref["q10"]) / (ref["best"] - ref["median"])
    assert metrics.regret_at(found, ref, 1) == pytest.approx(worst)
    assert metrics.regret_at(found, ref, 3) is None
    assert math.isfinite(worst)


def test_hypervolume_of_the_ideal_front_is_one() -> None:
    ref = tasks.make("rl8").ref
    front = [(math.exp(log_cost), score) for log_cost, score in ref["front"]]
    run = {"true_cost": [c for c, _ in front], "true": [s for _, s in front]}
    assert metrics.hypervolume(run, ref, len(front)) == pytest.approx(1.0)
    assert metrics.hypervolume(run, ref, len(front) // 2) < 0.999


def test_jobs_are_ordered_by_seed_and_unknown_tasks_are_rejected() -> None:
    jobs = jobs_of("hartmann6,hartmann6@8", "ours,random", "3-4")
    assert [job[3] for job in jobs] == [3] * 4 + [4] * 4
    assert ("hartmann6", 8, "random", 4) in jobs
    with pytest.raises(ValueError, match="hartman7"):
        jobs_of("hartman7", "ours", "1")


@pytest.mark.parametrize("pending", [1, 8])
def test_our_optimizer_runs_in_the_benchmark(pending: int) -> None:
    run = run_one("branin2", pending, "ours", 0, evals=24, cap=100.0)
    assert (run["truncated"], run["n"]) == (None, 24 if pending == 1 else 12)
    assert len(run["t"]) >= run["n"] - 1
