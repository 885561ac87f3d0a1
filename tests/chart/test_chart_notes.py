"""The notes after an install, and the YAML of the chart's README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.renders import render
from tests.cluster.chart import CHART, Helm

README = (CHART / "README.md").read_text()
EXAMPLE = "kubectl apply{} -f configs/examples/cartpole.yaml"


def notes(folder: Path, values: dict[str, Any]) -> str:
    """NOTES.txt of a release ``tuner`` in the namespace ``here``."""
    helm = Helm(folder)
    said = helm.run(
        "install", "tuner", CHART, "--namespace=here", "--dry-run=client", f"--values={helm.values(values)}"
    )
    return said.partition("NOTES:\n")[2]


@pytest.mark.parametrize(
    ("values", "says", "says_not"),
    [
        ({}, ["all namespaces", "helm test tuner --namespace here", EXAMPLE.format("")], ["WARNING", "stopped"]),
        ({"scope": "namespaced"}, ["Sweeps in here.", EXAMPLE.format(" --namespace here")], ["all namespaces"]),
        (
            {"scope": "namespaced", "namespaces": ["team-a", "team-b"]},
            ["Sweeps in team-a, team-b.", EXAMPLE.format(" --namespace team-a")],
            ["all namespaces"],
        ),
        ({"replicas": 0}, ["stopped (replicas: 0)"], []),
        (
            {"ui": {"enabled": True, "service": {"port": 8080}}},
            ["kubectl port-forward service/tuner-sweep-operator-ui 8081:8080 --namespace here"],
            [],
        ),
        ({"crds": {"enabled": False}}, ["kubectl apply --server-side -f crds/"], ["WARNING"]),
        ({"crds": {"keep": False}}, ["WARNING: helm uninstall will delete the CRDs"], []),
    ],
)
def test_the_notes_name_the_next_command(
    tmp_path: Path, values: dict[str, Any], says: list[str], says_not: list[str]
) -> None:
    text = notes(tmp_path, values)
    assert [part for part in says if part not in text] == []
    assert [part for part in says_not if part in text] == []
    assert (CHART.parents[1] / "configs" / "examples" / "cartpole.yaml").is_file()


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", README, re.DOTALL), ids=lambda b: b.split(":")[0])
def test_the_readme_s_values_are_valid(block: str) -> None:
    assert render(yaml.safe_load(block))
