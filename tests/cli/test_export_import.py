"""`sweep export` and `sweep import`: exact round trips, idempotent imports, and errors that name the problem."""

from __future__ import annotations

import gzip
import json
import string
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep_operator.cli.main import cli
from sweep_operator.exchange.of_runs import rows_of
from sweep_operator.exchange.row import Row
from sweep_operator.kube.embedded.persistence import Persistence
from sweep_operator.machine.stored import stored_sweep
from tests.cli.stored_sweeps import finished, manifest, store

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(string.ascii_letters, min_size=1, max_size=5)
CHOICES = ["tanh", "relu", "1", "", " x", '"quoted"', "a,b;c\td", "true", "ü\u2028"]
PARAMETERS = {
    "lr": {"distribution": "log_normal", "min": 1e-9, "max": 1},
    "net.width": {"distribution": "int_uniform", "min": 1, "max": 2**40},
    "net.act": {"distribution": "categorical", "values": [*CHOICES, 1, True, 0.5]},
}
ENDED = st.one_of(
    st.fixed_dictionaries({"score": FINITE}, optional={"cost": FINITE.filter(lambda c: c >= 0)}),
    st.fixed_dictionaries(
        {"failure": st.fixed_dictionaries({
            "class": st.sampled_from(["crash", "timeout", "eval", "parameters"]),
            "reason": NAMES, "message": st.sampled_from(["", 'said "no"', " 1", "two\nlines"])})},
        optional={"cost": FINITE.filter(lambda c: c >= 0)},
    ),
)  # fmt: skip
RUNS = st.lists(
    st.fixed_dictionaries({
        "parameters": st.fixed_dictionaries({
            "lr": st.floats(1e-9, 1), "net.width": st.integers(1, 2**40),
            "net.act": st.sampled_from([*CHOICES, 1, True, 0.5])}),
        "status": ENDED,
        "metrics": st.dictionaries(NAMES, FINITE, max_size=2),
    }),
    min_size=1, max_size=5,
)  # fmt: skip


def sweep(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def body(name: str, **spec: Any) -> dict[str, Any]:
    return manifest(name, parameters=PARAMETERS, fixed={}, **spec)


def rows(runs_dir: Path, name: str) -> list[Row]:
    return rows_of(*stored_sweep(runs_dir, name).parsed())


def row_text(row: Row) -> str:
    """The row as text, in which 1, 1.0 and True differ."""
    return repr((row.result, sorted(row.parameters.items()), row.score, row.cost, sorted(row.metrics.items()),
                 row.failure, row.index, row.created))  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RUNS, st.sampled_from(["csv", "jsonl"]))
def test_exported_runs_are_imported_bit_for_bit_and_only_once(runs: list[dict[str, Any]], form: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        store(there, body("old"), [{**r, "status": {**r["status"], "metrics": r["metrics"]}} for r in runs])
        store(there, body("new"))
        file = there / f"runs.{form}"
        assert sweep("export", "old", "-o", file, "--runs-dir", there).exit_code == 0
        first = sweep("import", file, "new", "--runs-dir", there)
        assert first.exit_code == 0, first.output
        found = rows(there, "new")
        assert sorted(map(row_text, found)) == sorted(map(row_text, rows(there, "old")))
        again = sweep("import", file, "new", "--runs-dir", there)
        assert again.stdout == f"imported 0 runs; {len(runs)} already imported\n"
        own = sweep("import", file, "old", "--runs-dir", there)
        assert own.stdout == again.stdout, "a sweep does not import its own runs"
        other = there / f"back.{form}"
        assert sweep("export", "new", "-o", other, "--runs-dir", there).exit_code == 0
        assert sweep("import", other, "new", "--runs-dir", there).stdout == again.stdout


def test_the_columns_of_csv(tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(0.5, cost=2.0), finished(None)])
    result = sweep("export", "sweep_run=my_sweep", "--runs-dir", tmp_path)
    head, one, two = result.stdout.splitlines()
    assert head == (
        "run,index,origin,status,score,cost,created,parameters.trainer.activation,parameters.trainer.batch_size,"
        "parameters.trainer.optimizer.learning_rate,parameters.trainer.vf_coef,fixed.trainer.total_timesteps,"
        "failure.class,failure.reason,failure.message"
    )
    assert one == ("my_sweep.r.0,0,model,succeeded,0.5,2.0,2026-03-01T09:00:00+00:00,tanh,128,0.000731,1.0,20000,,,")
    assert two.endswith(",parameters,BadParameters,gamma is 2")


def test_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-o -` writes the table there and nothing else. A reader that has enough ends the command quietly.

    The table is larger than the buffer of a pipe.
    """
    monkeypatch.chdir(tmp_path)
    store(tmp_path / "runs", manifest(fixed={"trainer.note": "x" * 2000}), [finished(0.5)] * 60)
    where = ("--runs-dir", tmp_path / "runs")
    assert sweep("export", "my_sweep", "-o", "-", *where).stdout == sweep("export", "my_sweep", *where).stdout
    lines = sweep("export", "my_sweep", "-o", "-", "--format", "jsonl", *where)
    assert [json.loads(line)["index"] for line in lines.stdout.splitlines()] == list(range(60))
    assert lines.stderr == ""
    assert [p.name for p in tmp_path.iterdir()] == ["runs"], "no file called -"
    command = [sys.executable, "-m", "sweep_operator.cli.main", "export", "my_sweep", "-o", "-", *map(str, where)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"run,index,")
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_table_from_another_tool(tmp_path: Path) -> None:
    store(tmp_path, manifest())
    file = tmp_path / "wandb_export.csv"
    file.write_text(
        "Name,State,lr,bs,vf,act,reward\nfizzy-1,finished,1e-5,64,0.5,relu,0.75\nfizzy-2,crashed,1,16,1,tanh,\n"
    )
    names = ["--map", "trainer.optimizer.learning_rate=lr", "--map", "trainer.batch_size=bs"]
    common = ("import", file, "my_sweep", "--runs-dir", tmp_path, *names, "--map", "trainer.vf_coef=vf")
    refused = sweep(*common)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines() == [
        "error: wandb_export.csv: 1 run without metric 'reward': line 3",
        "error: wandb_export.csv: trainer.activation is not in any run; map its name or add a column "
        "(search center: 'tanh')",
        "error: wandb_export.csv: not used by this sweep: Name, State, act; map their names with --map, or "
        "use --ignore-unknown",
    ]
    assert rows(tmp_path, "my_sweep") == [], "a file with an error is not imported"
    file.write_text("\n".join(file.read_text().splitlines()[:2]) + "\n")
    more = ("--set", "trainer.activation=relu", "--ignore-unknown")
    assert sweep(*common, *more, "--dry-run").stdout == "would import 1 run\n"
    assert sweep(*common, *more).stdout == "imported 1 run\n"
    (row,) = rows(tmp_path, "my_sweep")
    assert (row.score, row.parameters["trainer.activation"], row.origin) == (0.75, "relu", "imported")
    stored = json.loads(sweep("status", "my_sweep", "-o", "json", "--runs-dir", tmp_path).stdout)
    assert stored["items"][0]["status"]["runs"]["succeeded"] == 1
    assert stored["items"][0]["status"]["best"][0]["score"] == 0.75


def test_standard_input(tmp_path: Path) -> None:
    store(tmp_path, body("s"))
    line = '{"parameters": {"lr": 0.5, "net": {"width": 3, "act": "relu"}}, "isFailure": true}\n'
    result = CliRunner().invoke(cli, ["import", "-", "s", "--runs-dir", str(tmp_path)], input=line)
    assert result.stdout == "imported 1 run\n"
    (row,) = rows(tmp_path, "s")
    assert (row.result, row.failure.class_ if row.failure else None) == ("failed", "parameters")


def test_a_compressed_file(tmp_path: Path) -> None:
    store(tmp_path, body("s"))
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress(b"lr,net.width,net.act,score\n0.5,3,relu,1\n"))
    assert sweep("import", tmp_path / "f.csv.gz", "s", "--runs-dir", tmp_path).stdout == "imported 1 run\n"


def test_the_same_result_twice_is_two_observations(tmp_path: Path) -> None:
    store(tmp_path, body("s"))
    (tmp_path / "f.csv").write_text("lr,net.width,net.act,score\n" + "0.5,3,relu,1\n" * 2)
    assert sweep("import", tmp_path / "f.csv", "s", "--runs-dir", tmp_path).stdout == "imported 2 runs\n"
    (tmp_path / "f.csv").write_text("lr,net.width,net.act,score\n" + "0.5,3,relu,1\n" * 3)
    third = sweep("import", tmp_path / "f.csv", "s", "--runs-dir", tmp_path)
    assert third.stdout == "imported 1 run; 2 already imported\n"


def test_another_export_of_the_same_runs_adds_nothing(tmp_path: Path) -> None:
    """An export from W&B has more metrics than an export from this machine."""
    store(tmp_path, body("s"))
    for metrics in ({"reward": 1.0}, {"reward": 1.0, "train.loss": 0.5}):
        run = {"run": "old.r.0", "parameters": {"lr": 0.5, "net.width": 3, "net.act": "relu"}, "score": 1.0}
        (tmp_path / "f.jsonl").write_text(json.dumps(run | {"metrics": metrics}) + "\n")
        assert sweep("import", tmp_path / "f.jsonl", "s", "--runs-dir", tmp_path).exit_code == 0
    assert len(rows(tmp_path, "s")) == 1


@pytest.mark.parametrize(
    ("name", "content", "arguments", "said"),
    [
        ("f.csv", "", [], "f.csv: contains no rows; write one line per run"),
        (
            "f.csv",
            "lr,net.width,net.act,score\n0.1,2.5,relu,1\n",
            [],
            "f.csv, line 2: net.width: 2.5 is not an integer",
        ),
        (
            "f.csv",
            "lr,net.width,net.act,score\n0.1,2,sine,1\n",
            [],
            "f.csv, line 2: net.act: 'sine' is not one of t",
        ),
        ("f.csv", "lr,net.width,net.act,score\n0.1,2,relu,nan\n", [], "f.csv, line 2: score: 'nan' is not finite; lea"),
        ("f.csv", "lr,net.width,net.act,score\nfast,2,relu,1\n", [], "f.csv, line 2: lr: 'fast' is not a number, as"),
        ("f.csv", "rl,net.width,net.act,score\n0.1,2,relu,1\n", [], "f.csv: lr is not in any run; map its name"),
        ("f.csv", "\xff\xfe", [], "f.csv: is not UTF-8 text: byte 0 is 0xff"),
        ("f.csv.gz", "\x1f\x8bnothing", [], "f.csv.gz: cannot be decompressed"),
        ("f.jsonl", "[]\n", [], "f.jsonl, line 1: [] is not a JSON object"),
        (
            "f.csv",
            "lr,net.width,net.act,score\n0.1,2,relu,1\n",
            ["--cost", "time"],
            "f.csv: cost 'time' is not in any run; correct or remove",
        ),
        (
            "f.csv",
            "lr,net.width,net.act,score,time\n0.1,2,relu,1,-5\n",
            ["--cost", "time"],
            "f.csv, line 2: time: -5.0 is negative; leave it",
        ),
        (
            "f.jsonl",
            '{"parameters": {"lr": 0.1, "net.width": 1' + "0" * 400 + ', "net.act": "relu"}, "score": 1}\n',
            [],
            "f.jsonl, line 1: net.width: 1000000000000000000000000000000000000... is not finite",
        ),
        ("f.csv", "lr\n", ["--map", "lr"], "--map lr: write PARAMETER=NAME-IN-THE-FILE, as in trainer.lr=lr"),
        ("f.csv", "lr\n", ["--map", "rl=lr"], "--map rl: is not a parameter of s; known are lr, net.act, net.width"),
        (
            "f.csv",
            "lr\n",
            ["--set", "lr=[1]"],
            "--set lr=[1]: [1] is not a parameter value (boolean, number or string)",
        ),
        ("f.csv", "lr\n", ["--set", "a=1"], "--set a: is not a parameter of s; known are lr, net.act, net.width"),
    ],
)
def test_bad_input(name: str, content: str, arguments: list[str], said: str, tmp_path: Path) -> None:
    store(tmp_path, body("s"))
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    result = sweep("import", tmp_path / name, "s", "--runs-dir", tmp_path, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {said}"), result.stderr
    assert "Traceback" not in result.output
    assert rows(tmp_path, "s") == []


def test_a_missing_file_or_sweep(tmp_path: Path) -> None:
    store(tmp_path, body("s"))
    missing = sweep("import", tmp_path / "no.csv", "s", "--runs-dir", tmp_path)
    assert (missing.exit_code, missing.stderr) == (2, f"error: {tmp_path}/no.csv: file not found\n")
    assert sweep("import", tmp_path / "no.csv", "t", "--runs-dir", tmp_path).exit_code == 2
    (tmp_path / "closed.csv").symlink_to(tmp_path / "closed.csv")
    closed = sweep("import", tmp_path / "closed.csv", "s", "--runs-dir", tmp_path)
    assert (closed.exit_code, "closed.csv: cannot be read: Too many levels" in closed.stderr) == (2, True)
    assert sweep("export", "t", "--from", "local", "--runs-dir", tmp_path).exit_code == 2


@pytest.mark.parametrize(
    ("output", "said"), [("no/f.csv", "no/f.csv: cannot be written: No such file"), ("", "'.' is")]
)
def test_an_output_that_cannot_be_written(
    output: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, body("s"))
    monkeypatch.chdir(tmp_path)
    result = sweep("export", "s", "--runs-dir", tmp_path, "-o", output)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --output")
    assert said in result.stderr


def test_import_rejects_a_running_sweep(tmp_path: Path) -> None:
    state = store(tmp_path, body("s")) / "state.db"
    (tmp_path / "f.csv").write_text("lr,net.width,net.act,score\n0.5,3,relu,1\n")
    holder = Persistence(state)
    try:
        result = sweep("import", tmp_path / "f.csv", "s", "--runs-dir", tmp_path)
    finally:
        holder.close()
    assert result.exit_code == 1
    assert "is in use by process" in result.stderr
    assert "stop it, or wait for it to end" in result.stderr
