"""The benchmark's tasks stay what they were, since stored runs of other optimizers are compared with new ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.bench.latency import reason
from tests.bench.optimizer import compare, functions, metrics, peers, surrogates, tasks
from tests.bench.optimizer.run import jobs_of, run_one
from tests.bench.optimizer.svg import compact
from tests.bench.ours import OursProtein

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


def test_no_task_is_in_both_halves_of_the_split() -> None:
    halves = [
        {name for group in (half, f"{half}-seconds") for name in tasks.GROUPS[group]} for half in ("tune", "report")
    ]
    assert not halves[0] & halves[1]
    assert halves[0] | halves[1] <= set(tasks.ALL)


@pytest.mark.parametrize(
    ("function", "at"),
    [(functions.levy, np.ones(20)), (functions.ackley, np.zeros(6)), (functions.decaying, np.zeros(40))],
)
def test_function_is_zero_at_its_optimum_only(function: functions.Function, at: np.ndarray) -> None:
    assert function(at) == pytest.approx(0.0, abs=1e-12)
    nearby = at + 0.1 * np.random.default_rng(0).standard_normal((100, len(at)))
    assert min(map(function, nearby)) > 1e-3


def test_hidden_function_depends_on_every_sixth_parameter() -> None:
    x = np.random.default_rng(1).random((2, 40))
    x[1, ::6] = x[0, ::6]
    assert functions.hidden_hartmann6(x[0]) == functions.hidden_hartmann6(x[1]) == functions.hartmann6(x[0, ::6])


def test_our_optimizer_searches_choices_and_their_parameters() -> None:
    space = surrogates.KINDS["boosters"].space
    ours = OursProtein(space.spec(), cost_param="nrounds")
    ours.observe(space.center(), 0.5, 10.0, is_failure=False)
    suggested = ours.suggest(8)
    assert {params["booster"] for params in suggested} == {0, 1, 2}
    for params in suggested:
        assert set(params) == set(space.names)
        ours.observe(params, float(params["booster"]), 10.0, is_failure=False)
    assert not ours.pending
    linear = next(o.params for o in ours.protein.observations if o.params["booster"] == 2)
    assert not {"eta", "rate_drop"} & set(linear)


def test_asha_promotes_the_best_third_of_a_rung() -> None:
    kind = surrogates.KINDS["xgb"]
    asha = peers.Asha(kind.space.spec(), cost_param=kind.dial)
    first = asha.suggest(3)
    assert {params["nrounds"] for params in first} == {int(asha.rungs[0])}
    for params, score in zip(first, (0.3, 0.9, 0.6), strict=True):
        asha.observe(params, score, 1.0, is_failure=False)
    promoted, fresh = asha.suggest(2)
    assert promoted == {**first[1], "nrounds": int(asha.rungs[1])}
    assert fresh["nrounds"] == int(asha.rungs[0])


def test_comparison_pairs_the_seeds_that_both_have() -> None:
    best, median = (tasks.make("hartmann6").ref[key] for key in ("best", "median"))

    def run(peer: str, seed: int, regret: float) -> dict[str, object]:
        return {
            "task": "hartmann6", "batch": 1, "peer": peer, "seed": seed, "n": 25,
            "true": [best - regret * (best - median)] * 25,
        }  # fmt: skip

    runs = [run("a", 0, 0.5), run("a", 1, 0.7), run("a", 2, 0.1), run("b", 1, 0.4), run("b", 0, 0.3)]
    measure, by_cost = compare.measures()["regret at 25"]
    pairs = compare.pairs_of(runs, ("a", "b"), measure, by_cost=by_cost)
    assert pairs == {"hartmann6": [pytest.approx((0.5, 0.3)), pytest.approx((0.7, 0.4))]}
    assert compare.table("regret", pairs, ("a", "b"))[-1] == "| hartmann6 | 0.600 | 0.350 | -0.250 +- 0.050 | 2 |"


def test_a_picture_is_smaller_and_its_lines_stay_where_they_were() -> None:
    flat = "".join(f"L {x}.0 5.000001 " for x in range(1, 50))
    black, red = 'style="stroke: #000000"', 'style="fill: red"'
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><metadata>who</metadata>'
        f'<defs><style>*{{}}</style><path id="m0123456789" d="M 0 0 L 0 3.5" {black}/></defs><g id="axes_1">'
        f'<path d="M 0 5.04 {flat}L 60.123456 20.98765" {black}/><path d="M 1 1 C 2 2 3 3 4 4"/>'
        f'<use xlink:href="#m0123456789" {black}/><use xlink:href="#m0123456789" {red}/></g></svg>'
    )
    assert compact(svg).partition("</style>")[2] == (
        '<path id="n0" d="m0 0 0 3.5" class="s0"/></defs><path d="m0 5 49 0 11.1 16" class="s0"/>'
        '<path d="M 1 1 C 2 2 3 3 4 4"/><use xlink:href="#n0"/><use xlink:href="#n0" class="s1"/></svg>\n'
    )


@pytest.mark.parametrize(
    ("returncode", "stderr", "said"),
    [
        (-9, "x.py:3: ExperimentalWarning: this is experimental", "ended by SIGKILL"),
        (
            1,
            "Traceback:\n  ...\nnumpy.MemoryError: no memory | 3 GB\nx.py:3: UserWarning: leaked",
            "numpy.MemoryError: no memory / 3 GB",
        ),
        (2, "x.py:3: UserWarning: leaked", "exit code 2"),
    ],
)
def test_the_latency_table_says_why_there_is_no_figure(returncode: int, stderr: str, said: str) -> None:
    assert reason(returncode, stderr) == said
