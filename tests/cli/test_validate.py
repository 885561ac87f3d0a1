"""Broken configurations: each message names the file, the field, the value and the remedy; none is a traceback."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest
from click.testing import CliRunner

from sweep_operator.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
LR = "trainer.lr: {distribution: log_normal, min: 1e-5, max: 1e-2, mean: 3e-4}"
CATEGORICAL = "y: {distribution: categorical, values: [a, b]}"
TRAIN = "train: {image: i, command: [python, train.py]}"


def sweep(parameters: str = LR, rest: str = TRAIN, name: str = "broken", kind: str = "Sweep") -> str:
    return (
        f"apiVersion: metta.ai/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  metric: reward\n"
        f"  parameters:\n{indent(parameters, '    ')}\n{indent(rest, '  ')}\n"
    )


def uniform(rest: str) -> str:
    return f"x: {{distribution: uniform, {rest}}}"


BROKEN: dict[str, tuple[str, list[str]]] = {
    "empty file": ("", ["is empty", "write a Sweep"]),
    "not YAML": ("a: [1, 2", ["line 1", "is not valid YAML", "check quotes, brackets"]),
    "a tab": ("a:\n\tb: 1", ["line 2", "'\\t'", "indent with spaces"]),
    "a list": ("- a\n- b\n", ["['a', 'b']", "expected a Sweep", "key: value"]),
    "a word": ("hello\n", ["'hello'", "expected a Sweep", "key: value"]),
    "two keys alike": (sweep() + "  train: {image: j}\n", ["line 9", "'train'", "duplicate key", "remove one"]),
    "no kind": ("apiVersion: metta.ai/v1alpha1\nmetadata: {name: a}\n", ["kind", "add kind: Sweep"]),
    "wrong kind": (sweep(kind="Job"), ["kind", "'Job'", "Sweep, SweepRun"]),
    "no spec": ("apiVersion: metta.ai/v1alpha1\nkind: Sweep\nmetadata: {name: a}\n", ["spec", "missing"]),
    "no parameters": (
        "apiVersion: metta.ai/v1alpha1\nkind: Sweep\nmetadata: {name: a}\nspec: {train: {command: [a]}}\n",
        ["spec.parameters", "missing"],
    ),
    "no train": (sweep(rest="goal: maximize"), ["spec.train", "missing", "add"]),
    "not a number": (sweep(uniform("min: .nan, max: 1")), ["['x'].min", "nan", "finite number"]),
    "text for a number": (sweep(uniform("min: '0.1', max: 1")), ["['x'].min", "'0.1'", "without quotes"]),
    "an unknown field": (sweep(rest=TRAIN + "\nlimit: {maxRuns: 3}"), ["spec.limit", "did you mean limits"]),
    "a misspelt limit": (sweep(rest=TRAIN + "\nlimits: {maxRun: 3}"), ["spec.limits.maxRun", "did you mean maxRuns"]),
    "a negative limit": (sweep(rest=TRAIN + "\nlimits: {maxRuns: -3}"), ["spec.limits.maxRuns", "-3", "greater"]),
    "an unknown distribution": (
        sweep("x: {distribution: log_norm, min: 1, max: 2}"), ["['x'].distribution", "'log_norm'", "log_normal"],
    ),
    "two sources in one": (
        sweep(rest=TRAIN + "\nwarmStart: {from: [{sweep: a, file: b.csv}]}"),
        ["spec.warmStart.from[0]", "exactly one of sweep, wandb, configMap, file", "['sweep', 'file']"],
    ),
    "a missing source": (
        sweep(rest=TRAIN + "\nwarmStart: {from: [{file: nosuch.csv}]}"),
        ["spec.warmStart.from[0].file", "nosuch.csv", "file not found; relative paths start at"],
    ),
    "a source without rows": (
        sweep(rest=TRAIN + "\nwarmStart: {from: [{sweep: s}, {file: pyproject.toml}]}"),
        ["spec.warmStart.from[1].file", "pyproject.toml"],
    ),
    "min above max": (sweep(uniform("min: 2, max: 1")), ["['x'].min", "2", "below max 1", "swap"]),
    "no max": (sweep(uniform("min: 2")), ["['x'].max", "is missing; add it"]),
    "mean outside": (sweep(uniform("min: 0, max: 1, mean: 3")), ["['x'].mean", "3", "[0, 1]", "move it inside"]),
    "not a power of two": (
        sweep("x: {distribution: uniform_pow2, min: 0, max: 64}"), ["['x'].min", "0 is not a power of two", "use 1"],
    ),
    "log of zero": (sweep("x: {distribution: log_normal, min: 0, max: 1}"), ["['x'].min", "0 is not above 0", "use"]),
    "logit of one": (
        sweep("x: {distribution: logit_normal, min: 0.5, max: 1}"), ["['x'].max", "1 is not below 1, as"],
    ),
    "half an integer": (
        sweep("x: {distribution: int_uniform, min: 1.5, max: 4}"), ["['x'].min", "1.5", "not an integer", "use 2"],
    ),
    "an unknown parent": (
        sweep(uniform("min: 0, max: 1, when: {parameter: y, in: [1]}")), ["['x'].when.parameter", "'y'", "known are x"],
    ),
    "a value that the parent does not have": (
        sweep(f"{CATEGORICAL}\n" + uniform("min: 0, max: 1, when: {parameter: y, in: [c]}")),
        ["['x'].when.in", "'c'", "['a', 'b']"],
    ),
    "invalid CEL": (
        sweep(rest=TRAIN + "\nconstraints: [{rule: \"params['trainer.lr'] <\"}]"),
        ["constraints[0].rule", "not a valid CEL expression"],
    ),
    "CEL with an unknown key": (
        sweep(rest=TRAIN + "\nconstraints: [{rule: \"params['trainer.lt'] < 1.0\"}]"),
        ["constraints[0].rule", "'trainer.lt'", "known are", "trainer.lr"],
    ),
    "an invalid regular expression": (
        sweep(rest=TRAIN[:-1] + ", results: {source: Log, pattern: '(?P<value>[0-9'}}"),
        ["spec.train.results.pattern", "(?P<value>[0-9", "RE2"],
    ),
    "a pattern without a group": (
        sweep(rest=TRAIN[:-1] + ", results: {source: Log, pattern: 'loss=.*'}}"),
        ["spec.train.results", "'loss=.*'", "{value}"],
    ),
    "a pattern with a name twice": (
        sweep(rest=TRAIN[:-1] + ", results: {source: Log, pattern: 'loss={value}|error={value}'}}"),
        ["spec.train.results", "{value} more than once", "use each name once"],
    ),
    "a pattern without the score": (
        sweep(rest=TRAIN[:-1] + ", results: {source: Log, pattern: 'loss={loss} ms={ms}'}}"),
        ["spec.train.results.pattern", "['loss', 'ms']", "use {value} or {reward}"],
    ),
    "a pattern with two scores": (
        sweep(rest=TRAIN[:-1] + ", results: {source: Log, pattern: 'a={value} b={reward}'}}"),
        ["spec.train.results.pattern", "{value} and {reward}", "use one of them"],
    ),
    "a pattern with a reserved name": (
        sweep(rest=TRAIN[:-1] + ", results: {source: Log, pattern: 'a={value} b={checkpoint}'}}"),
        ["spec.train.results.pattern", "{checkpoint}", "use another one"],
    ),
    "an unknown $(params.x)": (
        sweep(rest='train: {image: i, command: ["$(params.trainer.lt)"]}'), ["spec.train.command", "trainer.lt"],
    ),
    "reports without the score": (
        sweep(rest=TRAIN[:-1] + ", reports: {pattern: 'step={step} loss={loss}'}}"),
        ["spec.train.reports.pattern", "['step', 'loss']", "use {value} or {reward}"],
    ),
    "reports with an invalid regular expression": (
        sweep(rest=TRAIN[:-1] + ", reports: {pattern: '{step} {value} ('}}"), ["spec.train.reports.pattern", "RE2"],
    ),
    "an unknown last step": (
        sweep(rest=TRAIN[:-1] + ", reports: {maxStep: $(params.trainer.steps)}}"),
        ["spec.train.reports.maxStep", "$(params.trainer.steps)", "known parameters"],
    ),
    "a last step that is text": (
        sweep(rest=TRAIN[:-1] + ", reports: {maxStep: $(params.steps)}}\nfixed: {steps: many}"),
        ["spec.train.reports.maxStep", "'many'", "numeric parameter"],
    ),
    "an unknown hardware": (
        sweep(rest=TRAIN[:-1] + ", hardware: macbok}"), ["spec.train.hardware", "'macbok'", "profiles: ", "macbook"],
    ),
    "fixed and searched": (
        sweep(rest=TRAIN + "\nfixed: {trainer.lr: 1e-3}"), ["spec.fixed['trainer.lr']", "conflicts", "remove one"],
    ),
    "a name in capitals": (sweep(name="My_Sweep"), ["metadata.name", "'My_Sweep'", "lower-case", "displayName"]),
    "no volume": (
        sweep(rest=TRAIN + "\nstorage: {runVolume: {}}"), ["spec.storage.runVolume", "exactly one of claim"],
    ),
    "a config without distributions": (
        "metric: reward\nparameters: {trainer: {gamma: 0.9}}\n", ["parameters.trainer.gamma", "0.9", "distribution"],
    ),
    "a config with an unknown key": (
        "metric: reward\nmetod: bayes\nparameters: {x: {distribution: uniform, min: 0, max: 1}}\n",
        ["spec.metod", "did you mean method"],
    ),
    "a job without a sweep": ("defaults: [trainer: nosuch]\nrun: a\n", ["trainer/nosuch", "configuration not found"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_configuration_is_explained(text: str, said: list[str], tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    result = CliRunner().invoke(cli, ["validate", str(path), "--config-dir", str(ROOT / "configs")])
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert str(path) in result.stderr
    assert "Traceback" not in result.output
    assert "Error:" not in result.stderr, f"the message contains an exception's name: {result.stderr}"
    for part in said:
        assert part in result.stderr
    assert len(result.stderr) < 1500


def test_all_problems_of_a_file_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(sweep(uniform("min: 2, max: 1"), rest=TRAIN + "\ngoal: up\nlimits: {maxRuns: x}"))
    result = CliRunner().invoke(cli, ["validate", str(path)])
    assert {line.split(": ")[1] for line in result.stderr.splitlines()} == {
        "spec.parameters['x'].min", "spec.goal", "spec.limits.maxRuns",
    }  # fmt: skip


def test_a_missing_file_is_named_and_the_others_are_still_checked(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(sweep())
    result = CliRunner().invoke(cli, ["validate", str(tmp_path / "none.yaml"), str(good)])
    assert result.exit_code == 2
    assert f"{tmp_path / 'none.yaml'}: file not found" in result.stderr
    assert f"{good}: OK" in result.stdout


def test_warnings_are_errors_only_with_strict(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        sweep(
            rest="train: {command: [a], results: {source: Log, pattern: 'loss=(?P<value>[-+0-9.eE]+)'}, "
            "reports: {maxStep: $(params.trainer.lr)}}\n"
            "limits: {maxRuns: 2, maxParallelRuns: 4}"
        )
    )
    result = CliRunner().invoke(cli, ["validate", str(path)])
    assert result.exit_code == 0
    assert "warning: spec.train.image" in result.stderr
    assert "warning: spec.train.results.pattern: does not match nan" in result.stderr
    assert "warning: spec.limits.maxParallelRuns: 4" in result.stderr
    assert "warning: spec.train.reports.comparable: is not set, and maxStep is the searched parameter" in result.stderr
    assert CliRunner().invoke(cli, ["validate", "--strict", str(path)]).exit_code == 2


@pytest.mark.parametrize(
    "path",
    [*(ROOT / "configs" / "examples").glob("*.yaml"), *(ROOT / "configs" / "sweep").glob("*.yaml"),
     ROOT / "configs" / "sweep_job.yaml"],
    ids=lambda p: p.stem,
)  # fmt: skip
def test_what_ships_is_valid(path: Path) -> None:
    result = CliRunner().invoke(cli, ["validate", str(path)])
    assert result.exit_code == 0, result.output
