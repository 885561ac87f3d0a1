"""Models and suggestions: what went wrong in earlier optimizers and must not come back."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from protein import Protein, SearchSpace
from protein.settings import ProteinSettings

SPEC: dict[str, dict[str, Any]] = {
    "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3},
    "width": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.5},
}


def make(
    goal: str = "maximize", seed: int = 0, spec: dict[str, dict[str, Any]] | None = None, **settings: Any
) -> Protein:
    return Protein(SearchSpace(spec or SPEC), ProteinSettings(**settings), goal=goal, seed=seed)


def points(n: int, seed: int = 0) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    return [{"lr": float(10 ** rng.uniform(-5, -1)), "width": float(rng.random())} for _ in range(n)]


def quality(p: dict[str, Any]) -> float:
    """Best 1.0 at lr = 1e-2, width 0.7."""
    return 1.0 - (math.log10(p["lr"]) + 2) ** 2 / 4 - (p["width"] - 0.7) ** 2


def price(p: dict[str, Any]) -> float:
    return math.exp(5 * p["width"])


def flat(optimizer: Protein, **kwargs: Any) -> tuple[dict[str, Any], Any]:
    suggestion, info = optimizer.suggest(**kwargs)
    return optimizer.space.flatten(suggestion), info


def inside(p: dict[str, Any]) -> bool:
    return 1e-5 <= p["lr"] <= 1e-1 and 0.0 <= p["width"] <= 1.0


@pytest.mark.parametrize(
    ("score", "cost", "failed"),
    [(None, 0.0, True), (math.nan, 1.0, False), (math.inf, 1.0, False), (0.5, math.nan, False), (0.5, 0.0, False)],
)
def test_zero_cost_and_nan_do_not_break_suggestions(score: float | None, cost: float, failed: bool) -> None:
    # a failure reloaded with cost 0 gave log(0), a NaN score NaN targets: every later suggest() raised
    optimizer = make()
    for p in points(5):
        optimizer.observe(p, score=quality(p), cost=price(p))
    optimizer.observe(points(6)[5], score=score, cost=cost, is_failure=failed)
    suggestion, info = flat(optimizer)
    assert inside(suggestion)
    assert math.isfinite(info.score)
    assert math.isfinite(info.cost)


def test_failures_never_enter_the_front_and_are_remembered() -> None:
    # failures were stored as successes, never reported, or dropped after 100 successes
    optimizer = make()
    for p in points(130):
        failed = p["lr"] > 10**-2.5
        optimizer.observe(p, score=None if failed else quality(p), cost=price(p), is_failure=failed)
    assert optimizer.best(by="observed")[0]["lr"] <= 10**-2.5  # type: ignore[index]
    assert all(flat(optimizer, index=i, pending=())[0]["lr"] < 10**-2.2 for i in range(200, 203))


def test_the_first_failure_counts() -> None:
    optimizer = make()
    bad = {"lr": 5e-2, "width": 0.9}
    for p in points(5):
        optimizer.observe(p, score=quality(p), cost=price(p))
    _, before = flat(optimizer)
    assert before.details["success_probability"] == pytest.approx(1.0)
    optimizer.observe(bad, score=None, cost=1.0, is_failure=True)
    models = optimizer.models()
    at = optimizer.space.encode_many([bad, {"lr": 2e-5, "width": 0.1}])
    near, far = models.feasibility.predict(at)
    assert near < 0.5 < far


def test_all_of_the_first_ten_runs_fail() -> None:
    # the models were fitted to an empty list of successes
    optimizer = make()
    seen = []
    for _ in range(10):
        suggestion, _ = flat(optimizer)
        seen.append(suggestion)
        optimizer.observe(suggestion, is_failure=True)
    suggestion, info = flat(optimizer)
    assert suggestion not in seen
    assert info.origin == "random"
    assert optimizer.models().feasibility.predict(optimizer.space.encode_many([suggestion]))[0] < 1.0


def test_every_run_counts_and_repeats_teach_the_noise() -> None:
    # only the oldest 100 runs were loaded (05); a repeated measurement replaced the earlier one (04)
    optimizer = make()
    rng = np.random.default_rng(1)
    for p in points(12):
        for _ in range(10):
            optimizer.observe(p, score=quality(p) + 0.2 * rng.standard_normal(), cost=1.0)
    winner = {"lr": 1e-2, "width": 0.7}
    optimizer.observe(winner, score=9.0, cost=1.0)
    assert optimizer.best(by="observed") == (winner, 9.0, 1.0)
    models = optimizer.models()
    assert len(models.history) == 121
    noise = math.sqrt(models.score.noise) * models.score.standardization.scale
    assert 0.1 < noise < 0.5


def test_minimize_is_maximize_of_the_negative() -> None:
    # the front and the weights knew one direction only: with negative products the forbidden candidate won
    up, down = make("maximize"), make("minimize")
    for p in points(12):
        up.observe(p, score=quality(p) - 5, cost=price(p))
        down.observe(p, score=5 - quality(p), cost=price(p))
    (a, info_a), (b, info_b) = flat(up), flat(down)
    assert a == b
    assert info_a.score == pytest.approx(-info_b.score)
    assert up.best()[0] == down.best()[0]  # type: ignore[index]


@pytest.mark.parametrize("acquisition", ["auto", "protein", "ei", "ucb"])
@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_suggestions_keep_below_the_cost_cap(goal: str, acquisition: str) -> None:
    # masks multiplied by 0: with negative scores 8 of 11 suggestions were over the cap
    optimizer = make(goal, max_suggestion_cost=20.0, acquisition=acquisition)
    sign = 1 if goal == "maximize" else -1
    for p in points(12):
        optimizer.observe(p, score=sign * (quality(p) - 10), cost=price(p))
    for index in range(20, 24):
        suggestion, info = flat(optimizer, index=index)
        assert not info.over_max_cost
        assert info.cost <= 20.0 * (1 + 1e-9)
        assert price(suggestion) < 30.0


def test_the_cost_cap_is_never_ignored() -> None:
    # with no admissible candidate the cap was ignored: a predicted 1.2e6 under a cap of 3600
    optimizer = make(max_suggestion_cost=1.0)
    for p in points(12):
        optimizer.observe(p, score=quality(p), cost=1000 * price(p))
    suggestion, info = flat(optimizer)
    assert info.over_max_cost
    assert suggestion["width"] < 0.15


def test_a_constant_cost_is_ignored() -> None:
    # normalizing a constant cost divided 0 by 0: the worst predicted point was picked in 10 of 60
    optimizer = make(seed=3)
    for p in points(25):
        optimizer.observe(p, score=quality(p), cost=7.0)
    chosen = [quality(flat(optimizer, index=index)[0]) for index in range(30, 36)]
    assert optimizer.models().cost.constant
    assert min(chosen) > 0.5
    assert flat(optimizer)[1].cost == pytest.approx(7.0)


@pytest.mark.parametrize("offset", [-1000.0, 0.0, 1e6])
def test_scores_may_be_negative(offset: float) -> None:
    # pruning multiplied scores by factors: wrong for negative ones. An offset must not change the choice
    optimizer, reference = make(), make()
    for p in points(12):
        optimizer.observe(p, score=quality(p) + offset, cost=price(p))
        reference.observe(p, score=quality(p), cost=price(p))
    a, b = flat(optimizer)[0], flat(reference)[0]
    assert a["width"] == pytest.approx(b["width"], abs=1e-2)
    assert math.log10(a["lr"]) == pytest.approx(math.log10(b["lr"]), abs=2e-2)


def test_the_search_explores_beyond_the_cheap_corner() -> None:
    # with improvement per cost 4% of the budget was spent after 51 runs
    spec = {
        "steps": {"distribution": "log_normal", "min": 1.0, "max": 1000.0, "mean": 3.0, "scale": "time"},
        "lr": SPEC["lr"],
    }
    optimizer = make(spec=spec)
    costs = []
    for _ in range(22):
        suggestion, _ = flat(optimizer)
        score = 1 - 1 / (1 + suggestion["steps"] / 50) - (math.log10(suggestion["lr"]) + 2) ** 2 / 20
        costs.append(suggestion["steps"])
        optimizer.observe(suggestion, score=score, cost=suggestion["steps"])
    assert max(costs[:3]) <= 16.0 * (1 + 1e-9)
    assert max(costs) > 300.0


def test_one_catastrophic_score_does_not_dominate_the_scale() -> None:
    # min-max scaling: after one score of -1e6 all others were equal
    optimizer = make()
    for p in points(20):
        optimizer.observe(p, score=quality(p), cost=1.0)
    optimizer.observe({"lr": 9e-2, "width": 0.01}, score=-1e6, cost=1.0)
    good, bad = {"lr": 1e-2, "width": 0.7}, {"lr": 1e-4, "width": 0.2}
    mean, _, _ = optimizer.predict([good, bad])
    assert mean[0] - mean[1] == pytest.approx(quality(good) - quality(bad), rel=0.35)


def test_the_model_is_trained_from_the_first_suggestion_on() -> None:
    # start noise 0.69 and 50 Adam steps at 1e-3: the model saw noise only for 100 suggestions
    optimizer = make()
    for p in points(15):
        optimizer.observe(p, score=quality(p), cost=price(p))
    test = points(40, seed=9)
    mean, _, cost = optimizer.predict(test)
    truth = np.array([quality(p) for p in test])
    assert np.corrcoef(mean, truth)[0, 1] > 0.9
    assert np.corrcoef(np.log(cost), [5 * p["width"] for p in test])[0, 1] > 0.99


def test_the_acquisition_uses_the_posterior_variance() -> None:
    # the choice used the mean alone, and proposed the same point again and again
    optimizer = make(acquisition="ei")
    for i, width in enumerate((0.30, 0.31, 0.32, 0.33, 0.34)):
        optimizer.observe({"lr": 1e-3, "width": width}, score=float(i % 2), cost=1.0)
    suggestion, _ = flat(optimizer)
    assert abs(suggestion["width"] - 0.32) + abs(math.log10(suggestion["lr"]) + 3) / 4 > 0.15


def test_no_joint_posterior_over_the_candidates() -> None:
    # a joint posterior over 4,096 candidates: 1.3 GB. Rows are predicted in chunks, mean and variance only
    import torch

    from protein.models.posterior import Posterior
    from protein.models.surrogate import KernelSpec, fit

    x, y = np.random.default_rng(0).random((40, 3)), np.linspace(-1, 1, 40)
    posterior = Posterior(fit(x, y, KernelSpec()), torch.tensor(x), torch.tensor(y)[:, None])
    at = torch.rand(20_000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    largest, covariance = [0], posterior.model.covariance

    def watched(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        out = covariance(a, b)
        largest.append(out.numel())
        return out

    posterior.model.covariance = watched
    mean, sd = posterior.predict(at)
    assert mean.shape == (20_000, 1)
    assert sd.shape == (20_000,)
    assert 0 < max(largest) <= 1024 * 40


def test_pending_runs_spread_the_next_suggestions() -> None:
    # 8 workers got one point
    optimizer = make()
    for p in points(8):
        optimizer.observe(p, score=quality(p), cost=1.0)
    batch = [optimizer.space.flatten(s) for s, _ in optimizer.suggest(6)]
    rows = optimizer.space.encode_many(batch)
    gaps = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(-1)) + 9 * np.eye(len(rows))
    assert gaps.min() > 0.01
    follow, _ = flat(optimizer, pending=batch)
    assert follow not in batch


@pytest.mark.parametrize("seeded", [True, False])
@pytest.mark.parametrize("count", [1, 5, 9])
def test_num_random_samples_is_honored(count: int, seeded: bool) -> None:
    # ignored as soon as the center seeded the search
    optimizer = make(num_random_samples=count, seed_with_search_center=seeded)
    origins = []
    for _ in range(count + 2):
        suggestion, info = flat(optimizer)
        origins.append(info.origin)
        optimizer.observe(suggestion, score=quality(suggestion), cost=price(suggestion))
    # one score alone teaches nothing
    start = max(count, 2)
    assert origins[start:] == ["model"] * (count + 2 - start)
    assert "model" not in origins[:start]
    assert (origins[0] == "center") is seeded


RESTART = """
import json, random, sys
from protein import Protein, SearchSpace
from protein.settings import ProteinSettings
spec, rows, pending, order = json.load(sys.stdin)
random.Random(order).shuffle(rows)
random.Random(order).shuffle(pending)
random.seed(order)
optimizer = Protein(SearchSpace(spec), ProteinSettings(max_suggestion_cost=90.0), goal="minimize", seed=5)
for row in rows:
    optimizer.observe(**row)
print(json.dumps([s for s, _ in optimizer.suggest(2, pending=pending, index=40)]))
"""


def test_a_restart_needs_the_observations_only() -> None:
    # no usable save and resume: a fresh process told the same runs in any order goes on with the same bits
    rows: list[dict[str, Any]] = [{"params": p, "score": -quality(p), "cost": price(p)} for p in points(20)]
    rows[3] = {"params": rows[3]["params"], "score": None, "cost": 2.0, "is_failure": True}
    rows[4] = {"params": rows[4]["params"], "score": None, "cost": 50.0, "cost_is_lower_bound": True}
    rows.append(dict(rows[7]))
    waiting = points(3, seed=4)
    settings = ProteinSettings(max_suggestion_cost=90.0)
    here = Protein(SearchSpace(SPEC), settings, goal="minimize", seed=5)
    for row in rows:
        here.observe(**row)
    given = json.dumps([SPEC, rows, waiting, 7])
    there = subprocess.run([sys.executable, "-c", RESTART], input=given, capture_output=True, text=True, check=True)
    assert json.loads(there.stdout) == [s for s, _ in here.suggest(2, pending=waiting, index=40)]
