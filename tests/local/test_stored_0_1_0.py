"""Runs directories and cluster objects that version 0.1.0 wrote are read, and continued, by this version."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sweep_operator.api.names import FILES_ANNOTATION_PREFIX
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.cli.main import cli
from sweep_operator.config.load import load_sweep
from sweep_operator.domain.revisions import RunTemplate, revision_name
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.job import build_job
from sweep_operator.manifests.overrides import REPORT_FILE
from sweep_operator.manifests.revision import build_revision, read_revision
from tests.local.sweeps import end_of, finish

STORED = Path(__file__).with_name("stored-0.1.0")
OBJECTS: list[dict[str, Any]] = json.loads((STORED / "objects.json").read_text())


def objects(kind: str) -> list[dict[str, Any]]:
    return [o for o in OBJECTS if o["kind"] == kind]


def one(kind: str, name: str) -> dict[str, Any]:
    return next(o for o in objects(kind) if o["metadata"]["name"] == name)


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORED / "runs", tmp_path / "runs"))


def sweep_command(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_status_shows_the_stored_runs(runs_dir: Path) -> None:
    shown = json.loads(sweep_command("status", "stored", "--runs-dir", str(runs_dir), "-o", "json"))
    stored = one("Sweep", "stored")
    sweep = shown["items"][0] if shown["kind"] == "List" else shown
    assert sweep["metadata"]["uid"] == stored["metadata"]["uid"]
    table = sweep_command("status", "stored", "--runs-dir", str(runs_dir))
    assert [line for line in table.splitlines() if "stored.r.2" in line and "BadParameters" in line], table


def test_best_params_prints_the_best_run_bit_for_bit(runs_dir: Path) -> None:
    best = one("SweepRun", "stored.r.3")
    printed = sweep_command(
        "best-params", "sweep_run=stored", "--runs-dir", str(runs_dir), "--output-dir", str(runs_dir / "patch")
    )
    assert "Best run: stored.r.3 (score: 3.5000)" in printed
    patch = yaml.safe_load((runs_dir / "patch" / "stored_best.yaml").read_text())
    assert patch == best["spec"]["parameters"] | one("Sweep", "stored")["spec"]["fixed"]


def test_export_writes_a_row_for_each_run(runs_dir: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(sweep_command("export", "stored", "--runs-dir", str(runs_dir)))))
    assert [row["status"] for row in rows] == ["succeeded", "succeeded", "failed", "succeeded"]
    for row, run in zip(rows, objects("SweepRun"), strict=True):
        assert float(row["parameters.lr"]) == run["spec"]["parameters"]["lr"]
        assert row["created"][:19] == run["metadata"]["creationTimestamp"][:19]


async def test_the_sweep_continues_with_more_runs(runs_dir: Path) -> None:
    loaded = load_sweep([str(STORED / "sweep.yaml"), "spec.limits.maxRuns=6"])
    sweep, runs = await finish(runs_dir, loaded.manifest)
    assert end_of(sweep) == ("True", "MaxRunsReached")
    assert sweep.metadata.uid == one("Sweep", "stored")["metadata"]["uid"]
    assert [run.succeeded for run in runs] == [True, True, False, True, True, True]
    before = {o["metadata"]["name"]: o for o in objects("SweepRun")}
    for run in runs[:4]:
        assert run.to_json()["spec"] == before[run.name]["spec"]
        conditions = [c for c in run.status.to_json()["conditions"] if c["type"] != "Finished"]  # new since then
        assert {**run.status.to_json(), "conditions": conditions} == before[run.name]["status"]
    assert sweep.status.optimizer.observations >= 6


@pytest.mark.parametrize("obj", objects("Sweep") + objects("SweepRun"), ids=lambda o: o["metadata"]["name"])
def test_stored_objects_are_parsed_to_equal_values(obj: dict[str, Any]) -> None:
    parsed: Sweep | SweepRun = read(Sweep, obj) if obj["kind"] == "Sweep" else read(SweepRun, obj)
    assert parsed.spec.to_json() == obj["spec"]
    if "status" in obj:
        assert parsed.status.to_json().items() >= obj["status"].items(), "later versions add fields"


@pytest.mark.parametrize("obj", objects("ControllerRevision"), ids=lambda o: o["metadata"]["name"])
def test_a_stored_revision_is_the_template_of_its_sweep(obj: dict[str, Any]) -> None:
    sweep = read(Sweep, one("Sweep", obj["metadata"]["ownerReferences"][0]["name"]))
    template = read_revision(obj)
    assert template == RunTemplate.of(sweep)
    assert revision_name(sweep.name, template.hash) == obj["metadata"]["name"]
    assert build_revision(sweep, template)["data"] == obj["data"]


@pytest.mark.parametrize("obj", objects("Job"), ids=lambda o: o["metadata"]["name"])
def test_a_run_gets_the_job_that_it_had(obj: dict[str, Any]) -> None:
    """Parameter files, environment and owner references included. The script that reports results may be newer."""
    sweep = read(Sweep, one("Sweep", "stored"))
    run = read(SweepRun, one("SweepRun", obj["metadata"]["labels"]["metta.ai/run"]))
    template = RunTemplate.of(sweep)
    deadline = obj["spec"]["template"]["spec"].get("activeDeadlineSeconds")
    built = build_job(StageAttempt(sweep, run, template, "train", 1))
    built["spec"]["template"]["spec"] |= {} if deadline is None else {"activeDeadlineSeconds": deadline}
    script = FILES_ANNOTATION_PREFIX + REPORT_FILE
    stored = obj["spec"]["template"]["metadata"]["annotations"]
    built["spec"]["template"]["metadata"]["annotations"][script] = stored[script]
    assert built["spec"] == obj["spec"]
    assert built["metadata"]["ownerReferences"] == obj["metadata"]["ownerReferences"]
