"""What a user reads after a mistake: one line with the place, the problem and the remedy, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sweep_operator.cli.main import cli
from sweep_operator.kubectl.main import cli as kubectl_sweep
from tests.cli.stored_sweeps import finished, manifest, store

SWEEP = """apiVersion: metta.ai/v1alpha1
kind: Sweep
metadata: {name: s}
spec:
  parameters: {x: {distribution: uniform, min: 0, max: 1}}
  limits: {maxRuns: 2}
  train: {command: ["true"]}
"""
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
current-context: c
"""
FILES = {
    "sweep.yaml": SWEEP,
    "text.yaml": SWEEP.replace("max: 1", "max: one"),
    "nan.yaml": SWEEP.replace("max: 1", "max: .nan"),
    "word.yaml": SWEEP.replace("maxRuns: 2", "maxRuns: two"),
    "bool.yaml": SWEEP.replace('"true"', "true"),
    "field.yaml": SWEEP.replace("limits", "limit"),
    "name.yaml": SWEEP.replace("name: s", "name: My_Sweep"),
    "brackets.yaml": "a: [1, 2\nb: 3",
    "empty.yaml": "",
    "huge.yaml": SWEEP.replace("max: 1", "mean: 1" + 400 * "0" + ", max: 1"),
    "long.yaml": SWEEP.replace("name: s", "name: " + 4000 * "n"),
    "text-parameters.yaml": "sweep: {parameters: x}\nrun: r\n",
    "list-fixed.yaml": "sweep: {parameters: {}, fixed: [1]}\nrun: r\n",
    "map-runs-dir.yaml": "sweep: {parameters: {}}\nrun: r\nruns_dir: {a: 1}\n",
    "number-defaults.yaml": "defaults: [1]\nsweep: {parameters: {}}\nrun: r\n",
    "list-spec.yaml": "kind: Sweep\nspec: [1]\n",
    "empty.csv": "x,score\n",
    "word.csv": "x,score\nfast,1\n",
    "nan.csv": "x,score\n0.5,NaN\n",
    "broken.jsonl": '{"x": 1, "score": 1}\n{"x": 1\n',
    "kubeconfig": KUBECONFIG,
    "number-namespace": KUBECONFIG.replace("user: u}", "user: u, namespace: 1.5}"),
    "broken-kubeconfig": "a: [1",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with the files, a stored sweep my_sweep, and no cluster."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.yaml").write_bytes(b"a: \xff")
    (tmp_path / "folder").mkdir()
    store(tmp_path / "runs", manifest(), [finished(1.0)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWEEP_RUNS_DIR", "runs")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "run brackets.yaml",
            "brackets.yaml, line 2: is not valid YAML: expected ',' or ']', but got ':'; "
            "check quotes, brackets and indentation",
        ),
        (
            "run empty.yaml",
            "empty.yaml: is empty; write a Sweep (apiVersion, kind, metadata, spec) or a sweep configuration",
        ),
        ("run binary.yaml", "binary.yaml: is not UTF-8 text: byte 3 is 0xff; save it as UTF-8"),
        ("run folder", "folder: contains no sweep_job.yaml; name a file, or a directory that contains one"),
        ("run nosuch.yaml", "nosuch.yaml: file not found; overrides have the form key=value"),
        ("run text.yaml", "spec.parameters['x'].max: 'one' is not a valid number"),
        ("run nan.yaml", "spec.parameters['x'].max: nan is not a finite number; write a number"),
        ("run word.yaml", "spec.limits.maxRuns: 'two' is not a valid integer"),
        ("run bool.yaml", "spec.train.command[0]: true is not a string; put it in quotes"),
        ("run field.yaml", "spec.limit: unknown field; did you mean limits?"),
        (
            "run name.yaml",
            "metadata.name: 'My_Sweep' must consist of at most 40 lower-case letters, "
            "digits and '-'; use spec.displayName for any other name",
        ),
        ("run sweep.yaml spec.limits.maxRun=3", "spec.limits.maxRun: unknown field; did you mean maxRuns?"),
        (
            "run sweep.yaml spec.parameters.x.min=nan",
            "spec.parameters['x'].min: is the text 'nan', not a number; write a finite number",
        ),
        ("run sweep.yaml --runs", "unknown option '--runs'; see --help"),
        (
            "run sweep.yaml maxRuns",
            "'maxRuns' is not a valid override; write key=value, as in trainer.total_timesteps=20000",
        ),
        ("run huge.yaml", f"spec.parameters['x'].mean: 1{36 * '0'}... is not finite; use a finite number"),
        (
            "run long.yaml",
            f"metadata.name: '{684 * 'n'} ... {96 * 'n'}' must consist of at most 40 lower-case letters, "
            "digits and '-'; use spec.displayName for any other name",
        ),
        ("run text-parameters.yaml", "sweep.parameters: 'x' is not a mapping; write it as key: value lines"),
        ("run list-fixed.yaml", "sweep.fixed: [1] is not a mapping; write it as key: value lines"),
        ("run map-runs-dir.yaml", "runs_dir: {'a': 1} is not a path; write a string"),
        (
            "run number-defaults.yaml",
            "number-defaults.yaml: cannot be composed: Unsupported type in defaults : int; "
            "check its defaults and the files of its groups",
        ),
        ("run list-spec.yaml spec.parameters.x.min=1", "spec: [1] is not a mapping; write it as key: value lines"),
        ("run", "no configuration given; name a file or a sweep: sweep run sweep.yaml, sweep run run=NAME sweep=quick"),
        (
            "import empty.csv my_sweep",
            "empty.csv: contains no rows; write one line per run, for example run,score,parameters.trainer.lr",
        ),
        (
            "import word.csv my_sweep --map trainer.vf_coef=x",
            "word.csv, line 2: x (for trainer.vf_coef): 'fast' is not a number, as uniform needs; give a number",
        ),
        (
            "import nan.csv my_sweep",
            "nan.csv, line 2: score: 'NaN' is not finite; leave it empty and set status to failed",
        ),
        ("import broken.jsonl my_sweep", "broken.jsonl, line 2: invalid JSON: Expecting ',' delimiter at column 8"),
        (
            "import word.csv my_sweep --map vf_coef=x",
            "--map vf_coef: is not a parameter of my_sweep; did you mean trainer.vf_coef?",
        ),
        ("status my_swep", "no sweep 'my_swep' in runs; did you mean my_sweep?"),
        ("best-params my_sweep --max-cost nan", "--max-cost: nan is not a cost; give a number"),
        (
            "best-params my_sweep --output-dir /proc/no",
            "--output-dir /proc/no: cannot be written: No such file or directory; use --no-patch",
        ),
        (
            "report my_sweep --no-model --output /proc/no.html",
            "--output /proc/no.html: cannot be written: No such file or directory",
        ),
        ("export my_sweep -o /proc/no.csv", "--output /proc/no.csv: cannot be written: No such file or directory"),
        ("sync my_sweep", "my_sweep: spec.tracking.wandb is not set; specify a project with --project"),
    ],
)
def test_sweep(command: str, said: str) -> None:
    result = CliRunner().invoke(cli, command.split())
    errors = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert errors[0] == f"error: {said}"
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("status --kubeconfig nosuch", "no kubeconfig at nosuch; set KUBECONFIG or use --kubeconfig"),
        (
            "status --kubeconfig broken-kubeconfig",
            "broken-kubeconfig, line 1: is not valid YAML; set KUBECONFIG or use --kubeconfig",
        ),
        (
            "status --kubeconfig empty.yaml",
            "empty.yaml: is not a kubeconfig; set KUBECONFIG or use --kubeconfig",
        ),
        (
            "status --kubeconfig kubeconfig --context d",
            "kubeconfig: has no context 'd'; `kubectl config get-contexts` lists them",
        ),
        (
            "status --kubeconfig number-namespace",
            "number-namespace: the namespace 1.5 is not a string; put it in quotes",
        ),
        ("add s -f empty.yaml", "empty.yaml: is empty; write name: value"),
        ("add s +x=1", "'+x=1': write x=value, without +"),
        (
            "stop pod/x --kubeconfig kubeconfig",
            "'pod/x': unknown resource type 'pod'; write sweep/NAME or sweeprun/NAME",
        ),
    ],
)
def test_kubectl_sweep(command: str, said: str) -> None:
    result = CliRunner().invoke(kubectl_sweep, command.split())
    assert result.stderr.splitlines() == [f"error: {said}"]
    assert result.exit_code in (1, 2)
