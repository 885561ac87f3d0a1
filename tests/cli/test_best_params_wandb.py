"""`sweep best-params` of a sweep that is only in W&B: no cluster, no local files, the real SDK, the test server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.cli.main import cli
from sweep_operator.cli.wandb_place import Place, complete_place, place_of
from sweep_operator.config.errors import ConfigError
from sweep_operator.tracking.delivery.content import sweep_card
from sweep_operator.tracking.history.messages import HistoryAnswer, PastRun, PastSweep
from sweep_operator.tracking.history.objects import objects_of_answer
from tests.cli.stored_sweeps import finished, manifest, store
from tests.wandb_stub import metta_sweep
from tests.wandb_stub.sdk import environment
from tests.wandb_stub.server import WandbServer


@pytest.fixture
def alone(wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WandbServer:
    """An empty folder, and a key for W&B."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(wandb_server.url, tmp_path / "wandb").items():
        monkeypatch.setenv(name, value)
    return wandb_server


def best_params(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["best-params", *arguments])


def ours(server: WandbServer, name: str = "my_sweep") -> None:
    """Store a sweep as the outbox writes it."""
    body = {**manifest(name), "metadata": {**manifest(name)["metadata"], "uid": "u-1"}}
    card = sweep_card(parse(Sweep, body), None)
    sweep = server.add_sweep("acme/p", json.dumps(card.config), name).name
    for n, (score, lr) in enumerate([(0.5, 0.001), (0.87341, 0.000731), (None, 0.1 + 0.2), (0.1, 1e-05)]):
        nested = {
            "trainer": {"optimizer": {"learning_rate": lr}, "batch_size": 128, "vf_coef": 1, "activation": "tanh"}
        }
        result: dict[str, Any] = {"protein.state": "failure", "protein.error": "crash: Error"}
        if score is not None:
            result = {"protein.state": "success", "protein.objective": score, "score": score, "protein.cost": 10}
        server.add_run(
            f"acme/p/{name}-{n}", state="failed" if score is None else "finished", display_name=f"{name}.r.{n}",
            created=1_790_000_000.0 + n, sweep=sweep, summary={"protein.suggestion": nested, **result},
            config={"trainer.total_timesteps": 20000},
        )  # fmt: skip


def test_the_same_output_as_from_local_files(alone: WandbServer, tmp_path: Path) -> None:
    ours(alone)
    result = best_params("sweep_run=my_sweep", "--entity", "acme", "--project", "p", "--show-scores")
    assert result.exit_code == 0, result.output
    assert "Best run: my_sweep.r.1 (score: 0.8734)\nCost: 10\n" in result.stdout
    overrides = "trainer.activation=tanh trainer.batch_size=128 trainer.optimizer.learning_rate=7.31e-04"
    assert f"python train.py {overrides} trainer.vf_coef=1.0\n" in result.stdout
    assert "Scores of 3 successful runs" in result.stdout
    patch = (tmp_path / "configs/trainer/patch/my_sweep_best.yaml").read_text()
    assert "learning_rate: 7.31e-04" in patch
    assert "total_timesteps: 20000" in patch, "fixed parameters belong to the best run"


def test_a_sweep_of_wandb_agent_with_the_project_from_the_environment(
    alone: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_ENTITY", "acme")
    monkeypatch.setenv("WANDB_PROJECT", "q")
    text = (
        "program: main.py\nmethod: bayes\nmetric: {name: loss, goal: minimize}\n"
        "parameters: {lr: {min: 1e-5, max: 1.0}, n: {value: 2}}"
    )
    sweep = alone.add_sweep("acme/q", text, "plain").name
    for n, loss in enumerate([0.5, 0.25, 0.75]):
        alone.add_run(f"acme/q/r{n}", summary={"loss": loss}, config={"lr": 0.1 * n + 0.1, "n": 2}, sweep=sweep)
    by_name, by_id = best_params("sweep_run=plain", "--no-patch"), best_params(f"sweep_run={sweep}", "--no-patch")
    assert by_name.exit_code == 0, by_name.output
    assert "(score: 0.2500)" in by_name.stdout
    assert by_name.stdout.endswith("\npython main.py --n=2 --lr=0.2\n\n"), by_name.stdout
    assert "note: plain is not on this machine; using the sweep in W&B" in by_name.stderr
    assert by_id.stdout == by_name.stdout


def test_best_params_export_and_import_of_a_sweep_of_mettas_sweep_system(alone: WandbServer, tmp_path: Path) -> None:
    """The W&B sweep has a placeholder parameter, no metric and no goal."""
    metta_sweep.add_metta_sweep(alone)
    where = ("--entity", "acme", "--project", "p")
    best = best_params("sweep_run=old", "--show-scores", *where)
    assert best.exit_code == 0, best.output
    assert "Best run: old.r.58 (score: 8.2857)\nCost: 158\n" in best.stdout
    assert "Scores of 54 successful runs" in best.stdout
    assert "trainer.batch_size=64 trainer.optimizer.learning_rate=1.9666666666666669e-04\n" in best.stdout
    assert "dummy_param" not in best.stdout
    exported = CliRunner().invoke(cli, ["export", "sweep_run=old", "-o", "runs.jsonl", *where])
    assert exported.exit_code == 0, exported.output
    rows = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows[:60]] == [
        "failed" if metta_sweep.fails(n) else "succeeded" for n in range(60)
    ]
    assert [row["status"] for row in rows[60:]] == ["running", "crashed"]
    assert [row["index"] for row in rows] == list(range(62))
    scored = [row for row in rows if "score" in row]
    assert [(row["score"], row["cost"]) for row in scored] == [
        (metta_sweep.objective(n), metta_sweep.cost(n)) for n in range(60) if not metta_sweep.fails(n)
    ]
    assert rows[0]["parameters"] == {"trainer.batch_size": 16, "trainer.optimizer.learning_rate": 1e-5 / 3}
    assert rows[0]["fixed"] == {"run": "old.r.0", "trainer.total_timesteps": 20000}
    store(tmp_path / "train_dir" / "sweep", manifest("new"))
    imported = CliRunner().invoke(cli, ["import", "runs.jsonl", "sweep_run=new", "--ignore-unknown",
                                        "--set", "trainer.vf_coef=1", "--set", "trainer.activation=tanh"])  # fmt: skip
    assert "imported 60 runs" in imported.stdout, imported.output


def test_a_local_sweep_is_not_looked_up_in_wandb(alone: WandbServer, tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(3.0)])
    assert "(score: 3.0000)" in best_params("sweep_run=my_sweep", "--no-patch", "--runs-dir", str(tmp_path)).stdout
    assert alone.requests(otel=True) == []


@pytest.mark.parametrize(
    ("arguments", "code", "lines"),
    [
        (["sweep_run=nosuch", "--from", "local"], 2, ["error: no sweep 'nosuch': train_dir/sweep contains no sweeps"]),
        (["sweep_run=nosuch", "--entity", "acme", "--project", "p"], 2,
         ["error: W&B project acme/p has no sweep 'nosuch', or this API key has no access to it; correct entity"]),
        (["sweep_run=nosuch", "trainer.lr=3"], 2, ["error: trainer.lr=3: unknown key 'trainer.lr'; known are"]),
        (["sweep_run=nosuch", "--from", "wandb", "--base-url", "http://127.0.0.1:9"], 1, ["error: W&B is unavailable"]),
    ],
)  # fmt: skip
def test_errors(arguments: list[str], code: int, lines: list[str], alone: WandbServer) -> None:
    alone.add_project("acme/p")
    result = best_params(*arguments)
    assert result.exit_code == code
    errors = result.stderr.splitlines()
    assert [e[: len(line)] for e, line in zip(errors, lines, strict=True)] == lines


def test_wandb_is_not_queried_unless_it_is_configured(alone: WandbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name)
    result = best_params("sweep_run=nosuch")
    assert result.exit_code == 2
    assert result.stderr.endswith("; use --project P to look in W&B\n")


def test_sources_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "configs"
    (folder / "wandb").mkdir(parents=True)
    (folder / "sweep_job.yaml").write_text("defaults: [{wandb: mine}, _self_]\nrun: ???\n")
    (folder / "wandb" / "mine.yaml").write_text("entity: from-config\nproject: null\n")
    (folder / "wandb" / "other.yaml").write_text("entity: other\nproject: from-group\n")
    environ = {"WANDB_ENTITY": "from-env", "WANDB_PROJECT": "from-env", "WANDB_BASE_URL": "http://w"}
    assert complete_place(Place(), environ) == Place("from-config", "from-env", "http://w")
    said = place_of(["wandb=other", "wandb.entity=argued"], project=None)
    assert complete_place(said, environ) == Place("argued", "from-group", "http://w", "other")
    assert place_of(["wandb.project=a"], project="option").project == "option"
    with pytest.raises(ConfigError, match="nogroup"):
        complete_place(place_of(["wandb=nogroup"]), environ)


@pytest.mark.parametrize(
    ("given", "values", "expected"),
    [
        ({"distribution": "log_uniform_values", "min": 1e-5, "max": 1}, [], ("log_normal", 1e-5, 1.0)),
        ({"distribution": "log_uniform", "min": 0, "max": 1}, [], ("log_normal", 1.0, 2.718281828459045)),
        ({"distribution": "uniform", "min": 0, "max": 1}, [], ("uniform", 0.0, 1.0)),
        ({"min": 1, "max": 9}, [], ("int_uniform", 1.0, 9.0)),
        ({"min": 1.0, "max": 9.5}, [], ("uniform", 1.0, 9.5)),
        ({"values": [16, 32, 64]}, [], ("uniform_pow2", 16.0, 64.0)),
        ({"values": [16, 64]}, [], ("categorical", [16, 64], True)),
        ({"values": ["a", "b"]}, [], ("categorical", ["a", "b"], None)),
        ({"distribution": "normal", "mu": 0, "sigma": 1}, [0.5, -0.5], ("uniform", -0.5, 0.5)),
        ({"min": 5, "max": 5}, [5], ("int_uniform", 5.0, 6.0)),
        ({"min": "low"}, ["x", "y"], ("categorical", ["x", "y"], None)),
        ({}, [1e-5, 0.1], ("log_normal", 1e-5, 0.1)),
    ],
)
def test_distributions(given: dict[str, Any], values: list[Any], expected: tuple[Any, ...]) -> None:
    runs = [PastRun(id=f"r{n}", name="r", state="success", parameters={"p": v}, suggested=False, objective=1.0)
            for n, v in enumerate(values)]  # fmt: skip
    config = json.dumps({"parameters": {"p": given or {"parameters": {}}}})
    past = PastSweep(id="s1", name="a sweep: its name", config=config)
    sweep, _ = objects_of_answer(HistoryAnswer(sweep=past, runs=runs))
    assert sweep.display_name == "a_sweep_its_name"
    spec = sweep.spec.parameters["p"]
    found = (spec.values, spec.ordered) if spec.distribution == "categorical" else (spec.min, spec.max)
    assert (spec.distribution, *found) == expected


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ({}, []),
        ({"program": "a.py"}, ["python", "a.py", "$(args)"]),
        (
            {"program": "a.py", "command": ["${env}", "${interpreter}", "-u", "${program}", "${args_no_hyphens}"]},
            ["python", "-u", "a.py", "$(args_no_hyphens)"],
        ),
        ({"command": ["/usr/bin/env", "sh", "go.sh", "${args_json}"]}, ["sh", "go.sh", "$(args_json)"]),
        ({"command": ["python", "${program}"]}, []),
    ],
)
def test_the_command_of_wandb_agent(config: dict[str, Any], command: list[str]) -> None:
    past = PastSweep(id="s1", name="s", config=json.dumps({"parameters": {"p": {"value": 1}}, **config}))
    run = PastRun(id="r", name="r", state="success", parameters={"q": 0.5}, suggested=True, objective=1.0)
    sweep, _ = objects_of_answer(HistoryAnswer(sweep=past, runs=[run]))
    assert sweep.spec.train.command == command
