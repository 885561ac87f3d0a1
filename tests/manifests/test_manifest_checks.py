"""Checks of a Sweep's Jobs at acceptance, substitution in commands, and parameter files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.check import check_manifests
from sweep_operator.manifests.overrides import parameter_files
from sweep_operator.manifests.revision import build_revision, read_revision
from sweep_operator.manifests.substitution import Values, substitute, substitute_arguments
from tests.builders import SweepBuilder, make_run, make_sweep

CONFIG = OperatorConfig.model_validate(
    {"profiles": {"cpu": {}, "gpu": {"gpus": 1, "pricePerHour": 2.0}, "theirs": {"namespaces": ["other"]}}}
)


def main(**fields: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": {"containers": [{"name": "main", **fields}]}}}


REFUSED: list[tuple[SweepBuilder, str]] = [
    (make_sweep().train(args=["$(params.nope)"]), "spec.train.args[0]"),
    (make_sweep().train(command=["$(run.nope)"]), "spec.train.command[0]"),
    (make_sweep().train(env=[{"name": "A", "value": "$(params.x)"}]), "spec.train.env[0].value"),
    (make_sweep().train(env=[{"name": "SWEEP_NAME", "value": "x"}]), "spec.train.env[0].name"),
    (make_sweep().train(hardware="tpu"), "spec.train.hardware"),
    (make_sweep().train(hardware="theirs"), "spec.train.hardware"),
    (make_sweep().spec(cost={"source": "Price"}), "spec.train.hardware"),
    (make_sweep().spec(cost={"source": "GPUSeconds"}), "spec.train.hardware"),
    (make_sweep().train(image=None), "spec.train.image"),
    (make_sweep().spec(queue={"name": "q"}), "spec.queue"),
    (make_sweep().spec(fixed={f"k{n}": "x" * 2000 for n in range(200)}), "spec.fixed"),
    (make_sweep().spec(fixed={"a": "b\nc=1"}), "spec.fixed['a']"),
    (make_sweep().spec(fixed={"trainer__lr": 1}), "spec.fixed['trainer__lr']"),
    (
        make_sweep().train(podTemplate={"spec": {"restartPolicy": "Always"}}),
        "spec.train.podTemplate.spec.restartPolicy",
    ),
    (make_sweep().train(podTemplate={"metadata": None}), "spec.train.podTemplate"),
    (make_sweep().train(podTemplate={"metadata": {"finalizers": []}}), "spec.train.podTemplate.metadata.finalizers"),
    (
        make_sweep().train(podTemplate={"metadata": {"annotations": None}}),
        "spec.train.podTemplate.metadata.annotations",
    ),
    (make_sweep().train(podTemplate={"spec": {"containers": None}}), "spec.train.podTemplate.spec.containers"),
    (make_sweep().train(**main(env=None)), "spec.train.podTemplate.spec.containers[0].env"),
    (make_sweep().train(**main(env=[{"name": "PET_X"}])), "spec.train.podTemplate.spec.containers[0].env[0].name"),
    (make_sweep().train(**main(**{"$patch": "delete"})), "spec.train.podTemplate.spec.containers[0].$patch"),
    (make_sweep().train(**main(image="x")), "spec.train.podTemplate.spec.containers[0].image"),
    (
        make_sweep().train(**main(volumeMounts=[{"name": "d", "mountPath": "/dev/"}])),
        "spec.train.podTemplate.spec.containers[0].volumeMounts[0].mountPath",
    ),
]


@pytest.mark.parametrize(("builder", "path"), REFUSED, ids=[f"{n}-{p}" for n, (_, p) in enumerate(REFUSED)])
def test_invalid_specs_are_rejected_with_their_field(builder: SweepBuilder, path: str) -> None:
    assert [e.path for e in check_manifests(builder.build(), CONFIG, require_image=True)] == [path]


def test_a_valid_spec_is_accepted() -> None:
    sweep = make_sweep().eval().train(args=["$(overrides)", "$(POD_IP)", "$(run.dir)"]).build()
    assert check_manifests(sweep, CONFIG, require_image=True) == []


def test_gpus_in_the_limits_of_the_template_count() -> None:
    sweep = make_sweep().spec(cost={"source": "GPUSeconds"}).train(resources={"limits": {"nvidia.com/gpu": 2}}).build()
    assert check_manifests(sweep, CONFIG, require_image=True) == []


def test_local_mode_needs_a_command_but_no_image() -> None:
    assert check_manifests(make_sweep().train(image=None).build(), CONFIG, require_image=False) == []
    nothing = make_sweep().train(image=None, command=[]).build()
    assert [e.path for e in check_manifests(nothing, CONFIG, require_image=False)] == ["spec.train.command"]


def kubelet(text: str, env: dict[str, str]) -> str:
    """Kubernetes' expansion: ``$$`` is ``$``, ``$(NAME)`` a variable, what is unknown stays."""
    out, i = "", 0
    while i < len(text):
        if text.startswith("$$", i):
            out, i = out + "$", i + 2
        elif text.startswith("$(", i) and (end := text.find(")", i)) > 0:
            out, i = out + env.get(text[i + 2 : end], text[i : end + 1]), end + 1
        else:
            out, i = out + text[i], i + 1
    return out


def values(**params: Any) -> Values:
    return Values(params, frozenset({*params, "inactive"}), "n", None, 5)


@given(st.text(alphabet="$()ab. params", max_size=20))
def test_a_value_is_never_expanded_again(value: str) -> None:
    given_ = values(x=value)
    replaced = substitute("$(params.x)", given_)
    assert replaced is not None
    assert kubelet(replaced, {"a": "EXPANDED"}) == value
    assert [kubelet(a, {"a": "EXPANDED"}) for a in substitute_arguments(["$(args)"], given_)] == [f"--x={value}"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("$(run.name)-$(run.seed)-$(run.index)|", "n-5-|"),
        ("$(POD_IP) $(date)", "1.2.3.4 $(date)"),
        ("$$(params.x)", "$(params.x)"),
        ("$$$(params.x)", "$7"),
        ("x=$(params.x)", "x=7"),
    ],
)
def test_substitution_in_commands(text: str, seen: str) -> None:
    assert kubelet(substitute(text, values(x=7)) or "", {"POD_IP": "1.2.3.4"}) == seen


def test_an_argument_with_an_inactive_parameter_is_omitted() -> None:
    assert substitute_arguments(["a", "--m=$(params.inactive)", "b"], values()) == ["a", "b"]


def test_all_parameter_files_have_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = make_sweep().spec(fixed={"trainer.total": 100, "env.id": "Cart, 'v1'"}).build()
    run = make_run(sweep, **{"trainer.lr": 1e-05})
    files = parameter_files(sweep, run, RunTemplate.of(sweep))
    monkeypatch.setenv("SWEEP_RUN_DIR", "/sweep/run")
    tree = OmegaConf.create(files["train_config_overrides.yaml"])
    assert (tree.run, tree.run_dir, tree.sweep_name) == ("cartpole.r.3", "/sweep/run", "cartpole")
    assert yaml.safe_load(files["train_config_overrides.yaml"])["trainer"] == {"lr": 1e-05, "total": 100}
    assert json.loads(files["params.json"]) == {"trainer.lr": 1e-05, "trainer.total": 100, "env.id": "Cart, 'v1'"}
    assert "trainer.lr=1.0e-05" in files["overrides.txt"].splitlines()


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["reward=0.87", "cost=12.5"], {"cost": 12.5, "metrics": {"reward": 0.87}}),
        (["score=1", "checkpoint=c.pt"], {"score": 1.0, "metrics": {}, "checkpoint": "c.pt"}),
        ([f"m{n}=0.123456789" for n in range(400)], None),
    ],
)
def test_the_report_script(arguments: list[str], body: dict[str, Any] | None, tmp_path: Path) -> None:
    sweep = make_sweep().build()
    script, result = tmp_path / "sweep_report.py", tmp_path / "result"
    script.write_text(parameter_files(sweep, make_run(sweep), RunTemplate.of(sweep))["sweep_report.py"])
    done = subprocess.run(
        [sys.executable, script, *arguments], env={"SWEEP_RESULTS_FILE": str(result)}, capture_output=True, text=True
    )
    # A peak would be that of this whole machine: the runner measures it.
    if body is None:
        assert done.returncode != 0
        assert "4096" in done.stderr
        assert not result.exists()
    else:
        assert json.loads(result.read_text()) == body


@pytest.mark.parametrize("arguments", [["--step", "1200", "reward=0.31"], ["reward=0.31", "--step=1200"]])
def test_the_report_script_prints_progress(arguments: list[str], tmp_path: Path) -> None:
    sweep = make_sweep().build()
    script = tmp_path / "sweep_report.py"
    script.write_text(parameter_files(sweep, make_run(sweep), RunTemplate.of(sweep))["sweep_report.py"])
    done = subprocess.run([sys.executable, script, *arguments], env={}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("SWEEP_REPORT ")
    assert json.loads(done.stdout.removeprefix("SWEEP_REPORT ")) == {"step": 1200, "reward": 0.31}


def test_a_revision_round_trips() -> None:
    sweep = make_sweep().eval().spec(fixed={"a.b": 1e-05}).build()
    stored = json.loads(json.dumps(build_revision(sweep, RunTemplate.of(sweep))))
    assert read_revision(stored) == RunTemplate.of(sweep)
