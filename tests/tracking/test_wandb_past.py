"""The past of a W&B sweep, by the real SDK in its child process, from the test server."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation
from sweep_operator.engine.ports import WarmStartUnreadable
from sweep_operator.engine.warm_start_rows import read_sources
from sweep_operator.exchange.learner import Learner
from sweep_operator.exchange.observation import unpack
from sweep_operator.exchange.row import Row
from sweep_operator.sandbox.tasks import InProcess
from sweep_operator.tracking.history.messages import HistoryAnswer, HistoryQuestion, Patience
from sweep_operator.tracking.history.reader import WandbHistory, WandbUnreadable, rows_of_answer
from sweep_operator.tracking.history.warm_start import WandbSources
from sweep_operator.tracking.troubles import WandbError, trouble_of
from tests.builders import make_sweep
from tests.cluster.processes import free_port
from tests.wandb_stub import app, metta_sweep
from tests.wandb_stub.sdk import environment
from tests.wandb_stub.server import KEY, WandbServer

OURS = json.dumps(
    {
        "method": "custom",
        "metric": {"name": "score", "goal": "maximize"},
        "parameters": {"trainer.lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-2}},
    }
)
PLAIN = """
method: bayes
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 1e-2}
  bs: {values: [16, 32, 64]}
  dropout: {min: 0.0, max: 0.5}
  epochs: {value: 3}
"""
BRISK = Patience(request=15.0)
T0 = 1_790_000_000.0


def history(server: WandbServer, folder: Path, *, seconds: float = 300.0, key: str | None = KEY) -> WandbHistory:
    return WandbHistory(seconds=seconds, environ=environment(server.url, folder, key=key))


def sources(server: WandbServer, folder: Path, **config: Any) -> WandbSources:
    allowed: dict[str, Any] = {"wandb_base_urls": [server.url], "wandb_projects": {"rl": ["acme/*"]}, **config}
    return WandbSources(OperatorConfig(**allowed), history(server, folder))


async def start(sweep: Sweep, from_: WandbSources) -> tuple[tuple[Observation, ...], tuple[str, ...]]:
    """The observations, and the notes."""
    warm_start = sweep.spec.warm_start
    assert warm_start is not None

    rows = await read_sources(sweep, warm_start, lambda source, learner: from_.read(learner, source), InProcess())
    return tuple(o.observation for o in unpack(rows.observations.content)), rows.notes


def warm(sweep_id: str, most: int = 200, **source: Any) -> Sweep:
    one = {"wandb": {"sweepId": sweep_id, "entity": "acme", "project": "p"}, **source}
    return make_sweep().spec(warmStart={"from": [one], "maxObservations": most}).build()


def add(server: WandbServer, sweep: str, n: int, state: str, summary: dict[str, Any], **config: Any) -> None:
    fields = {"summary": summary, "sweep": sweep, "config": config, "display_name": f"old.r.{n}"}
    server.add_run(f"acme/p/{sweep}-{n}", state=state, created=T0 + n, **fields)


def ours(lr: float, bs: int, **summary: Any) -> dict[str, Any]:
    return {"protein.suggestion": {"trainer": {"lr": lr, "batch_size": bs}}, **summary}


async def test_each_end_of_a_run_is_recognized_and_the_newest_run_comes_first(
    wandb_server: WandbServer, tmp_path: Path
) -> None:
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    won = {"protein.state": "success", "protein.cost": 12.25}
    lost = {"protein.state": "failure", "protein.error": "crash: Error"}
    add(wandb_server, sweep, 0, "finished", ours(0.1 + 0.2, 64, **won, **{"protein.objective": 1 / 3}))
    add(wandb_server, sweep, 1, "failed", ours(1e-05, 128, **lost, **{"protein.cost": 3}))
    add(wandb_server, sweep, 2, "running", ours(0.002, 16, **{"protein.state": "running"}))
    add(wandb_server, sweep, 3, "crashed", ours(0.003, 16, **{"protein.state": "running"}))
    add(wandb_server, sweep, 4, "failed", ours(0.004, 16, **lost, **{"protein.failure_class": "preempted"}))
    add(wandb_server, sweep, 5, "failed",
        ours(0.005, 16, **lost, **{"protein.failure_class": "timeout", "protein.cost": 60}))  # fmt: skip
    add(wandb_server, sweep, 6, "finished", ours(0.006, 32, **won, **{"protein.objective": 7}))
    other = wandb_server.add_sweep("acme/p", OURS).name
    add(wandb_server, other, 7, "finished", ours(0.007, 32, **won, **{"protein.objective": 9}))
    found, notes = await start(warm(sweep), sources(wandb_server, tmp_path))
    assert found == (
        Observation({"trainer.lr": 0.006, "trainer.batch_size": 32}, 7.0, 12.25),
        Observation({"trainer.lr": 0.005, "trainer.batch_size": 16}, None, 60.0, cost_is_lower_bound=True),
        Observation({"trainer.lr": 1e-05, "trainer.batch_size": 128}, None, 3.0, is_failure=True),
        Observation({"trainer.lr": 0.1 + 0.2, "trainer.batch_size": 64}, 1 / 3, 12.25),
    )
    title = f"W&B sweep {sweep}"
    told = "2 runs without a final result: run old.r.3, run old.r.2"
    assert notes == (f"{title}: {told}",)


async def test_a_plain_sweep_with_names_and_metrics_of_its_own(wandb_server: WandbServer, tmp_path: Path) -> None:
    sweep = wandb_server.add_sweep("acme/p", PLAIN).name
    one = {"lr": 0.001, "bs": 32, "dropout": 0.25, "epochs": 3, "seed": 5}
    add(wandb_server, sweep, 0, "finished", {"val/acc": 0.75, "gpu_hours": 2.5, "_runtime": 99}, **one)
    add(wandb_server, sweep, 1, "finished", {"val/acc": "NaN", "_runtime": 5}, **one)
    add(wandb_server, sweep, 2, "failed", {"val/acc": 0.5, "_runtime": 7}, **one)
    add(wandb_server, sweep, 3, "killed", {"val/acc": 0.5}, **one)
    add(wandb_server, sweep, 4, "finished", {"loss": 1}, **one)
    names = {"trainer.lr": "lr", "trainer.batch_size": "bs"}
    told = warm(sweep, parameters=names, metric="val/acc", cost="gpu_hours")
    found, notes = await start(told, sources(wandb_server, tmp_path))
    here = {"trainer.lr": 0.001, "trainer.batch_size": 32}
    assert found == (
        Observation(here, None, None, is_failure=True),
        Observation(here, None, None, is_failure=True),
        Observation(here, 0.75, 2.5),
    )
    (note,) = notes
    assert "1 run without a final result: run old.r.3" in note
    assert "1 run without metric 'val/acc': run old.r.4" in note
    assert note.endswith("not used by this sweep: dropout")
    with pytest.raises(WarmStartUnreadable) as caught:
        await start(warm(sweep, metric="val/acc"), sources(wandb_server, tmp_path))
    assert caught.value.lasting
    assert "without any of the parameters trainer.batch_size, trainer.lr" in str(caught.value)


async def test_a_sweep_of_mettas_sweep_system(wandb_server: WandbServer, tmp_path: Path) -> None:
    sweep = metta_sweep.add_metta_sweep(wandb_server)
    names = {"trainer.lr": "trainer.optimizer.learning_rate"}
    found, notes = await start(warm(sweep, parameters=names), sources(wandb_server, tmp_path))
    assert found == tuple(
        Observation({"trainer.lr": s["optimizer"]["learning_rate"], "trainer.batch_size": s["batch_size"]},
                    None if metta_sweep.fails(n) else metta_sweep.objective(n),
                    None if metta_sweep.fails(n) else metta_sweep.cost(n), is_failure=metta_sweep.fails(n))
        for n in reversed(range(60)) for s in [metta_sweep.suggestion(n)["trainer"]]
    )  # fmt: skip
    assert notes == (f"W&B sweep {sweep}: 2 runs without a final result: run old.r.61, run old.r.60",)


@pytest.mark.parametrize(
    ("summary", "source", "observed"),
    [
        ({"loss": {"min": 0.1, "last": 0.4}}, {"metric": "loss"}, (0.4, None)),
        ({"loss": {"min": 0.1, "last": 0.4}}, {"metric": "loss.min"}, (0.1, None)),
        ({"loss": {"min": 0.1}}, {"metric": "loss"}, (0.1, None)),
        ({"eval": {"loss": 0.2}, "gpu": {"hours": 3}}, {"metric": "eval.loss", "cost": "gpu.hours"}, (0.2, 3.0)),
        ({"loss": 0.5, "_runtime": 9}, {"metric": "loss", "cost": "_runtime"}, (0.5, 9.0)),
        ({"loss": 0.5, "reward": 0.75}, {}, (0.75, None)),
        ({"loss": 0.5}, {"metric": "loss"}, (0.5, None)),
    ],
)
async def test_metric_and_cost_mean_the_same_for_reading_and_learning(
    summary: dict[str, Any], source: dict[str, Any], observed: tuple[float, float | None],
    wandb_server: WandbServer, tmp_path: Path,
) -> None:  # fmt: skip
    sweep = wandb_server.add_sweep("acme/p", PLAIN.replace("val/acc, goal: maximize", "loss, goal: minimize")).name
    add(wandb_server, sweep, 0, "finished", summary, **{"trainer.lr": 0.001, "trainer.batch_size": 32})
    found, _ = await start(warm(sweep, **source), sources(wandb_server, tmp_path))
    assert [(o.score, o.cost) for o in found] == [observed]


async def test_the_default_is_the_metric_of_the_source(wandb_server: WandbServer, tmp_path: Path) -> None:
    sweep = wandb_server.add_sweep("acme/p", PLAIN).name
    for n in range(40):
        state, summary = ("finished", {"val/acc": n / 40}) if n % 4 else ("failed", {})
        values: dict[str, Any] = {"trainer.lr": 0.001} if n % 3 else {"trainer.lr": "fast"}
        add(wandb_server, sweep, n, state, summary, **values, **{"trainer.batch_size": 32})
    found, notes = await start(warm(sweep), sources(wandb_server, tmp_path))
    assert [o.score for o in found if not o.is_failure] == [n / 40 for n in reversed(range(40)) if n % 4 and n % 3]
    assert "no run has metric 'reward'; using the source's metric 'val/acc'; run old.r.39: " in notes[0]
    for told in (warm(sweep, metric="reward"), warm(sweep).with_(spec=warm(sweep).spec.with_(goal_="minimize"))):
        with pytest.raises(WarmStartUnreadable) as caught:
            await start(told, sources(wandb_server, tmp_path))
        assert caught.value.lasting
        assert caught.value.readable.count == 0
        assert str(caught.value).startswith(f"W&B sweep {sweep}: none of its 30 successful runs can be used: ")
        assert "; the source's metric is 'val/acc'" in str(caught.value)


async def test_a_thousand_runs_take_few_requests_and_nothing_is_left(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    for n in range(1000):
        add(wandb_server, sweep, n, "finished", ours(0.001, 64, **{"protein.state": "success", "protein.objective": n}))
    found, _ = await start(warm(sweep, most=1000), sources(wandb_server, tmp_path))
    assert [o.score for o in found] == [float(n) for n in reversed(range(1000))]
    seen = wandb_server.requests(otel=True)
    assert len(seen) <= 10, [r.operation for r in seen]
    assert len(wandb_server.requests("SweepHistory")) == 4

    few, _ = await start(warm(sweep, most=300), sources(wandb_server, tmp_path))
    assert [o.score for o in few] == [float(n) for n in range(999, 699, -1)]
    assert len(wandb_server.requests("SweepHistory")) == 6, "no more pages than are needed"
    assert list(temporary.iterdir()) == []


async def test_the_process_that_reads_runs_also_learns_from_them(wandb_server: WandbServer, tmp_path: Path) -> None:
    """Its answer is small, however large the runs are."""
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    large = {f"metric{n}": n for n in range(2000)}
    for n in range(20):
        add(wandb_server, sweep, n, "finished", {**large, "score": n}, **{"trainer.lr": 0.001})
    learner = Learner(sweep=warm(sweep).with_(status=SweepStatus()), limit=5)
    question = HistoryQuestion(entity="acme", project="p", sweep_id=sweep, metric="score", learner=learner)
    answer = await history(wandb_server, tmp_path).ask(wandb_server.url, question)
    assert answer.learned is not None
    assert [o.score for o in unpack(answer.learned.observations.content)] == [19.0, 18.0, 17.0, 16.0, 15.0]
    assert (answer.runs, answer.sweep) == ([], None)


@pytest.mark.parametrize(
    ("what", "lasting", "says"),
    [
        ("wrong key", True, "W&B rejected the API key"),
        ("no key", True, "no W&B API key found; set WANDB_API_KEY"),
        (
            "no project",
            True,
            "W&B project acme/other does not exist, or this API key has no access to it; correct",
        ),
        ("no sweep", True, "W&B project acme/p has no sweep 'nosuch', or this API key has no access to it; correct"),
        ("forbidden", True, "this API key has no permission to read W&B project acme/p"),
        ("broken", False, "W&B is unavailable"),
        ("nobody there", False, "W&B is unavailable"),
    ],
)
async def test_which_errors_are_permanent(
    what: str, lasting: bool, says: str, wandb_server: WandbServer, tmp_path: Path
) -> None:
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    key: str | None = {"wrong key": "x" * 86, "no key": None}.get(what, KEY)
    project = "other" if what == "no project" else "p"
    if what == "forbidden":
        wandb_server.faults.add("status", "SweepHistory", code=403, times=None)
    if what == "broken":
        wandb_server.faults.add("status", "SweepHistory", times=None)
    url = wandb_server.url
    if what == "nobody there":
        url = f"http://127.0.0.1:{free_port()}"
    question = HistoryQuestion(
        entity="acme", project=project, sweep_id="nosuch" if what == "no sweep" else sweep, patience=BRISK
    )
    with pytest.raises(WandbUnreadable) as caught:
        await history(wandb_server, tmp_path, key=key).ask(url, question)
    assert (caught.value.lasting, str(caught.value)[: len(says)]) == (lasting, says)
    assert KEY not in str(caught.value)


async def test_an_address_that_redirects_and_a_graphql_error(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reports the first as 404, and the second without a status."""
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    question = HistoryQuestion(entity="acme", project="p", sweep_id=sweep, patience=BRISK)
    login = f"{wandb_server.url}/login"
    wandb_server.faults.add("status", code=302, times=None, headers={"Location": login})
    with pytest.raises(WandbUnreadable) as caught:
        await history(wandb_server, tmp_path).ask(wandb_server.url, question)
    assert caught.value.lasting
    assert f"'{wandb_server.url}' redirects to '{login}', which is not a W&B server; correct baseURL" in str(
        caught.value
    )
    wandb_server.faults.clear()
    body = {"data": None, "errors": [{"message": "unknown filter", "path": ["project"]}]}
    monkeypatch.setattr(app, "_refusal", lambda *_: web.json_response(body))
    wandb_server.faults.add("status", "SweepHistory", times=None)
    with pytest.raises(WandbUnreadable) as caught:
        await history(wandb_server, tmp_path).ask(wandb_server.url, question)
    assert caught.value.lasting
    assert str(caught.value).startswith("W&B rejected the request (input: project unknown filter)")


@pytest.mark.parametrize("ends", ["the time is up", "nobody wants to know any more"])
async def test_a_silent_server_is_abandoned_and_leaves_no_process(
    ends: str, wandb_server: WandbServer, tmp_path: Path
) -> None:
    wandb_server.faults.add("hang", "SweepHistory", times=None)
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    question = HistoryQuestion(entity="acme", project="p", sweep_id=sweep)
    before = set(psutil.Process().children(recursive=True))
    if ends == "the time is up":
        with pytest.raises(WandbUnreadable, match=r"did not answer within 0\.3 s") as caught:
            await history(wandb_server, tmp_path, seconds=0.3).ask(wandb_server.url, question)
        assert not caught.value.lasting
    else:
        asking = asyncio.create_task(history(wandb_server, tmp_path).ask(wandb_server.url, question))
        while not wandb_server.requests("SweepHistory"):
            assert not asking.done(), asking.exception()
            await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.wait([asking])
    gone = set(psutil.Process().children(recursive=True)) - before
    psutil.wait_procs(gone, timeout=30)
    assert not [p for p in gone if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("config", "source", "says"),
    [
        (
            {"wandb_base_urls": ["https://api.wandb.ai"]},
            {"baseURL": "http://evil"},
            "'http://evil' is not allowed, and the API key is not sent there; use one of",
        ),
        ({"wandb_base_urls": []}, {}, "baseURL: '' is not allowed, and the API key is not sent there; use one of none"),
        (
            {"wandb_projects": {"rl": ["other/*"]}},
            {},
            "namespace rl must not use project 'acme/p' with the operator's API key",
        ),
        (
            {"wandb_projects": {"x": ["acme/*"]}},
            {},
            "add wandbProjects: {rl: [acme/p]} to the operator's configuration",
        ),
    ],
)
async def test_a_key_goes_only_where_the_operator_allows_it(
    config: dict[str, Any], source: dict[str, Any], says: str, wandb_server: WandbServer, tmp_path: Path
) -> None:
    sweep = warm("abc")
    assert sweep.spec.warm_start is not None
    (one,) = sweep.spec.warm_start.from_
    assert one.wandb is not None
    changed = one.with_(wandb=one.wandb.with_(base_url=source.get("baseURL", "")))
    with pytest.raises(WarmStartUnreadable) as caught:
        await sources(wandb_server, tmp_path, **config).read(Learner(sweep=sweep, limit=1), changed)
    assert caught.value.lasting
    assert says in str(caught.value)
    assert wandb_server.requests(otel=True) == []


async def test_a_sweep_is_found_by_name_with_the_name_of_its_score(tmp_path: Path) -> None:
    seconds = itertools.count(T0)
    with WandbServer(clock=lambda: next(seconds)) as server:
        await found_by_name(server, tmp_path)


async def found_by_name(wandb_server: WandbServer, tmp_path: Path) -> None:
    wandb_server.add_sweep("acme/p", OURS, "old")
    described = json.dumps({**json.loads(OURS), "description": "Sweep rl/old, uid 12-3, score is reward"})
    newest = wandb_server.add_sweep("acme/p", described, "old").name
    wandb_server.add_sweep("acme/p", OURS, "other")
    add(wandb_server, newest, 0, "finished", ours(1, 2, **{"protein.state": "success", "protein.objective": 3}))
    question = HistoryQuestion(entity="acme", project="p", sweep_name="old")
    answer = await history(wandb_server, tmp_path).ask(wandb_server.url, question)
    assert answer.sweep is not None
    assert (answer.sweep.id, answer.sweep.name) == (newest, "old")
    rows: list[Row] = rows_of_answer(answer)
    assert (rows[0].metric, rows[0].score, rows[0].index) == ("reward", 3.0, 0)
    with pytest.raises(WandbUnreadable, match="has no sweep 'olt'"):
        await history(wandb_server, tmp_path).ask(wandb_server.url, question.with_(sweep_name="olt"))


def test_the_oldest_sdk_reads_the_same(wandb_server: WandbServer, tmp_path: Path, oldest_wandb: Path) -> None:
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    add(wandb_server, sweep, 0, "finished", ours(0.1, 64, **{"protein.state": "success", "protein.objective": 1 / 3}))
    question = HistoryQuestion(project="p", sweep_id=sweep)
    env = environment(wandb_server.url, tmp_path, sdk=oldest_wandb, WANDB_ENTITY="acme")
    script = (
        "import sys, wandb, sweep_operator.tracking.history.worker as w; "
        "print(wandb.__version__, file=sys.stderr, flush=True); w.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(question.model_dump_json(by_alias=True).encode() + b"\n")
        process.stdin.flush()
        answer = HistoryAnswer.model_validate_json(process.stdout.readline())
        process.stdin.close()
        printed = process.stderr.read().decode()
    assert [(r.objective, r.parameters) for r in answer.runs] == [
        (1 / 3, {"trainer.lr": 0.1, "trainer.batch_size": 64})
    ]
    assert "0.28.2" in printed


def test_the_process_ends_with_its_parent(wandb_server: WandbServer, tmp_path: Path) -> None:
    wandb_server.faults.add("hang", "SweepHistory", times=None)
    sweep = wandb_server.add_sweep("acme/p", OURS).name
    question = HistoryQuestion(entity="acme", project="p", sweep_id=sweep)
    command = [sys.executable, "-m", "sweep_operator.tracking.history.worker"]
    env = environment(wandb_server.url, tmp_path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdin is not None
        process.stdin.write(question.model_dump_json(by_alias=True).encode() + b"\n")
        process.stdin.flush()
        while not wandb_server.requests("SweepHistory"):
            assert process.poll() is None
            time.sleep(0.05)
        helpers = psutil.Process(process.pid).children(recursive=True)
        process.stdin.close()
        process.wait()
    assert helpers, "wandb-core"
    psutil.wait_procs(helpers, timeout=30)
    assert not [p for p in helpers if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("error", "lasting", "says"),
    [
        (
            ImportError("No module named 'wandb'"),
            True,
            "is not installed (No module named 'wandb'); install sweep-op",
        ),
        (
            WandbError(404, "no such thing"),
            True,
            "W&B project acme/p does not exist, or this API key has no access to it",
        ),
        (WandbError(400, "unknown field"), True, "check that this version of the W&B SDK supports the server"),
        (WandbError(429, "slow down"), False, "W&B is unavailable: slow down"),
        (WandbError(408, "late"), False, "W&B is unavailable: late"),
        (WandbError(502, "bad gateway"), False, "W&B is unavailable: bad gateway"),
        (WandbError(None, "no route"), False, "W&B is unavailable: no route"),
        (RuntimeError(f"odd {KEY}"), False, "W&B is unavailable: odd ***"),
    ],
)
def test_troubles(error: Exception, lasting: bool, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    found = trouble_of(error, "acme/p", reading=True)
    assert found.permanent == lasting
    assert says in found.message
