"""The commands that work on a configuration: render, init, rollout, run, report; and what all of them share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.cli.main import cli
from sweep_operator.kube.embedded.server import EmbeddedKube
from tests.cli.stored_sweeps import T0, finished, manifest, store
from tests.report.test_report_page import embedded

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ["--config-dir", str(ROOT / "configs")]
TOY = """apiVersion: metta.ai/v1alpha1
kind: Sweep
metadata: {name: toy}
spec:
  metric: reward
  method: random
  parameters: {x: {distribution: uniform, min: 0, max: 1, mean: 0.25}}
  limits: {maxRuns: 2, maxParallelRuns: 2}
  perRun: {retries: {backoffSeconds: 0}}
  train:
    command: [sh, -c, 'printf "{\\"metrics\\": {\\"reward\\": %s}}" "$SWEEP_PARAM_X" > "$SWEEP_RESULTS_FILE"']
"""


def sweep(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def toy(tmp_path: Path) -> tuple[str, str, str]:
    """Arguments: the toy's file and a runs directory."""
    path = tmp_path / "toy.yaml"
    path.write_text(TOY)
    return str(path), "--runs-dir", str(tmp_path / "runs")


def test_render_prints_a_manifest_that_kubectl_reads_the_same_way() -> None:
    arguments = ["run=a", "sweep=full", "sweep.parameters.trainer.ent_coef.min=1e-7"]
    result = sweep("render", *arguments, *CONFIGS)
    assert result.exit_code == 0, result.stderr
    document = yaml.safe_load(result.stdout)
    read = parse(Sweep, document)
    assert read.spec.parameters["trainer.ent_coef"].min == 1e-7
    assert document["spec"]["parameters"]["trainer.ent_coef"]["min"] == 1e-7, "YAML 1.1 sees a number, not a word"


def test_render_rejects_an_invalid_sweep() -> None:
    result = sweep("render", "run=a", "sweep.goal=up", *CONFIGS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "spec.goal: 'up' is not one of" in result.stderr


def test_render_keeps_the_name_of_the_hardware_profile() -> None:
    result = sweep("render", "run=a", "+hardware=gpu-l4", *CONFIGS)
    assert yaml.safe_load(result.stdout)["spec"]["train"]["hardware"] == "gpu-l4"


def test_notes_go_to_stderr() -> None:
    result = sweep("render", "run=a", "sweep=demo", "trainer.total_timesteps=20000", *CONFIGS)
    assert result.stderr == "note: trainer.total_timesteps is fixed at 20000 and no longer searched\n"
    assert yaml.safe_load(result.stdout)["spec"]["fixed"] == {"trainer.total_timesteps": 20000}


def test_init_creates_the_sweep_once_and_does_not_change_it(toy: tuple[str, str, str]) -> None:
    first = sweep("init", *toy, "run=my_toy")
    directory = Path(toy[2]) / "my_toy"
    assert first.stdout == f"{directory}\n"
    assert yaml.safe_load((directory / "config.yaml").read_text())["sweep"] == "my_toy"
    listed = json.loads(sweep("list", "-o", "json", *toy[1:]).stdout)["items"]
    assert [i["metadata"]["name"] for i in listed] == ["my-toy"]
    again = sweep("init", *toy, "run=my_toy", "spec.limits.maxRuns=9")
    assert again.stdout == first.stdout
    after = json.loads(sweep("list", "-o", "json", *toy[1:]).stdout)["items"]
    assert after == listed, "init does not change an existing sweep"


def test_rollout_creates_one_run(toy: tuple[str, str, str]) -> None:
    for made in (1, 2):
        result = sweep("rollout", *toy)
        assert result.exit_code == 0, result.output
        listed = json.loads(sweep("status", "toy", "-o", "json", *toy[1:]).stdout)["items"]
        assert sum(i["kind"] == "SweepRun" for i in listed) == made
    assert "RunCompleted" in result.stdout


def test_run_ends_with_a_summary(toy: tuple[str, str, str]) -> None:
    result = sweep("run", *toy)
    assert result.exit_code == 0, result.output
    assert "MaxRunsReached" in result.stdout
    assert "Best: toy.r." in result.stdout
    assert "sweep best-params sweep_run=toy --runs-dir" in result.stdout
    again = sweep("run", *toy, "spec.metric=loss")
    assert again.exit_code == 2
    assert again.stderr.startswith("error: spec.metric: is immutable")


def test_a_failed_sweep_exits_with_code_1(toy: tuple[str, str, str]) -> None:
    result = sweep("run", *toy, "run=bad", "spec.train.command=[sh, -c, 'exit 65']", "spec.limits.maxRuns=5")
    assert result.exit_code == 1, result.output
    assert "TooManyConsecutiveFailures" in result.stdout
    assert "Last failure:" in result.stdout


def test_run_rejects_a_sweep_that_another_process_runs(tmp_path: Path) -> None:
    directory = store(tmp_path, manifest(), [finished(1.0)])
    other = EmbeddedKube(directory / "state.db", clock=lambda: T0)
    try:
        path = tmp_path / "s.yaml"
        path.write_text(json.dumps(manifest()))
        result = sweep("run", str(path), "--runs-dir", str(tmp_path))
        assert result.exit_code == 1
        assert f"in use by process {os.getpid()}" in result.stderr
    finally:
        other.close()


def test_report_writes_one_file(tmp_path: Path) -> None:
    runs: list[dict[str, Any]] = [
        finished(float(i % 4), 5.0 + i, parameters={"trainer.vf_coef": i / 8, "trainer.batch_size": 2 ** (4 + i % 6)})
        for i in range(9)
    ]
    store(tmp_path, manifest(), [*runs, finished(None)])
    result = sweep("report", "my_sweep", "--runs-dir", str(tmp_path))
    assert result.exit_code == 0, result.output
    report = embedded((tmp_path / "my_sweep" / "report.html").read_text())
    assert result.stdout == f"{tmp_path / 'my_sweep' / 'report.html'}\n"
    assert report.explanations.keys() == {"importance", "slices", "outlook", "forecast", "contour", "why"}
    assert sum(report.explanations["importance"]["shares"].values()) == pytest.approx(1)
    out = tmp_path / "elsewhere" / "r.html"
    assert sweep("report", "my_sweep", "--no-model", "--output", str(out), "--runs-dir", str(tmp_path)).exit_code == 0
    assert embedded(out.read_text()).explanations == {}


def test_by_posterior_ignores_an_outlier(tmp_path: Path) -> None:
    good = {"trainer.vf_coef": 1.5}
    runs = [finished(10.0 + i % 2, parameters={"trainer.vf_coef": 1.5 + i / 1000}) for i in range(6)]
    runs += [finished(0.0 + i % 2, parameters={"trainer.vf_coef": 0.3 + i / 1000}) for i in range(6)]
    lucky = finished(11.5, parameters={"trainer.vf_coef": 0.3})
    store(tmp_path, manifest(), [*runs, lucky])
    where = ["--runs-dir", str(tmp_path), "--no-patch"]
    assert "Best run: my_sweep.r.12 " in sweep("best-params", "my_sweep", *where).stdout
    by_model = sweep("best-params", "my_sweep", "--by", "posterior", *where)
    assert by_model.exit_code == 0, by_model.output
    assert "Best run: my_sweep.r.12 " not in by_model.stdout
    assert f"vf_coef: {good['trainer.vf_coef']}" in by_model.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["rum"], 2, "'rum' is not a command; did you mean run?"),
        (["run"], 2, "error: run: is required; add run=NAME"),
        (["run", "nosuch.yaml"], 2, "error: nosuch.yaml: file not found"),
        (["status", "none", "--runs-dir", "/nonexistent"], 2, "no sweep 'none': /nonexistent contains no sweeps"),
        (["best-params", "x", "--top-n", "0"], 2, "--top-n"),
    ],
)
def test_invalid_usage_prints_one_error_and_exits_with_code_2(
    arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    extra = CONFIGS if arguments == ["run"] else []
    result = sweep(*arguments, *extra)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(toy: tuple[str, str, str]) -> None:
    result = sweep("--debug", "run", *toy, "spec.goal=up")
    assert result.exception is not None
    assert not isinstance(result.exception, SystemExit)


HEAVY = ("torch", "numpy", "scipy", "gpytorch", "pydantic", "hydra", "omegaconf", "plotly", "cel", "re2")


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["list"], ["best-params", "--help"], ["run", "--help"]])
def test_frequent_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(1.0)])
    where = ["--runs-dir", str(tmp_path)] if arguments[0] in ("status", "list") else []
    program = (
        "import sys\nfrom sweep_operator.cli.main import main\n"
        f"sys.argv = ['sweep', *{[*arguments, *where]!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    if "--help" in arguments:
        assert done.stdout.startswith("Usage: sweep")
    else:
        assert "my_sweep" in done.stdout
