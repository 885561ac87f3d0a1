"""Every YAML block of the documentation is valid for the code that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dev.generate.chart_values import Values
from sweep_operator.api.errors import parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.commands.checks import problems_of
from sweep_operator.config.load import load_sweep
from sweep_operator.config.yaml_files import parse_documents
from sweep_operator.engine.acceptance import check_sweep
from sweep_operator.runtime.options import read_config
from tests.builders import sweep_body
from tests.docs.blocks import ROOT, Block, blocks

FOREIGN = {
    "Katib": {"apiVersion", "kind", "metadata", "spec"},
    "W&B sweeps": {"program", "method", "metric", "parameters"},
}
"""Blocks of other systems by title. They are only parsed and must have these keys."""
OURS = ("", "sweep.yaml")
PROFILES = OperatorConfig(kueue=True)
MINIMAL: dict[str, Any] = {
    "parameters": {"x": {"distribution": "uniform", "min": 0, "max": 1}},
    "train": {"image": "ghcr.io/example/train:1.0", "command": ["python", "train.py"]},
}


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_the_yaml_is_valid(block: Block, tmp_path: Path) -> None:
    documents = parse_documents(block.text, str(block))
    if block.title in OURS:
        for document in documents:
            _check_object(document)
    elif block.title == "values.yaml":
        _check_values(documents[0])
    elif block.title == "operator configuration":
        path = tmp_path / "config.yaml"
        path.write_text(block.text)
        assert read_config(path) != OperatorConfig()
    elif block.title == "sweep configuration":
        _check_configuration(block, tmp_path)
    else:
        assert FOREIGN[block.title] <= documents[0].keys()


def _check_object(document: Mapping[str, Any]) -> None:
    """Check a Sweep, a SweepRun, or a part of a Sweep's spec."""
    if set(document) == {"spec"}:
        own = {"metric": None} if "objectives" in document["spec"] else {}
        document = sweep_body("fragment", metadata={"namespace": "team-rl"}, **{**MINIMAL, **own, **document["spec"]})
    if document["kind"] == "SweepRun":
        assert not problems_of(document)
    else:
        sweep = parse(Sweep, document)
        in_cluster = bool(sweep.spec.train.image)
        assert not check_sweep(sweep, PROFILES, require_image=in_cluster)


def _check_values(given: Mapping[str, Any]) -> None:
    """Check values after merging them over the chart's defaults, as helm does; null removes a key."""
    own = parse_documents((ROOT / "charts/sweep-operator/values.yaml").read_text(), "values.yaml")[0]
    Values.model_validate(_merged(own, given))


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {**under}
    for key, value in over.items():
        if value is None:
            both.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(both.get(key), Mapping):
            both[key] = _merged(both[key], value)
        else:
            both[key] = value
    return both


def _check_configuration(block: Block, folder: Path) -> None:
    path = folder / "sweep.yaml"
    path.write_text(block.text)
    loaded = load_sweep([str(path), "run=documented"], ROOT / "configs")
    assert not problems_of(loaded.manifest)
