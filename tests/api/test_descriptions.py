"""``kubectl explain`` reads well: every field of the kinds says what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from dev.generate.crd import run_crd, sweep_crd
from protein.settings import ProteinSettings
from sweep_operator.api.optimizer import ProteinSpec

Schema = dict[str, Any]
LARGEST = 128 * 1024
"""Bytes of a kind. `kubectl apply` keeps a copy in an annotation, which the API server limits to 256 KiB."""


def _schema(crd: Schema) -> Schema:
    return dict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Path and schema of every field at any depth; but for metadata, which the API server describes itself."""
    for name, field in (schema.get("properties") or {}).items():
        if (path, name) in (("sweep", "metadata"), ("sweeprun", "metadata")):
            continue
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
    for inner, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(inner), dict):
            yield from fields(schema[inner], path + mark)


SWEEP = dict(fields(_schema(sweep_crd()), "sweep"))
RUN = dict(fields(_schema(run_crd()), "sweeprun"))


@pytest.mark.parametrize(("found", "some"), [
    (SWEEP, ["sweep.kind", "sweep.spec.parameters{}.when.in", "sweep.spec.train.env[].value",
             "sweep.spec.warmStart.from[].wandb.project", "sweep.status.conditions[].reason"]),
    (RUN, ["sweeprun.spec.prediction.rating", "sweeprun.status.eval.attempts[].podUID"]),
], ids=["Sweep", "SweepRun"])  # fmt: skip
def test_every_field_is_described(found: dict[str, Schema], some: list[str]) -> None:
    assert found.keys() >= set(some), "the walk misses fields"
    silent = [path for path, field in found.items() if len(field.get("description", "").split()) < 2]
    assert silent == []
    ragged = [path for path, field in found.items() if not field.get("description", "").endswith(".")]
    assert ragged == [], "a description is a sentence"


@pytest.mark.parametrize("crd", [sweep_crd(), run_crd()], ids=["Sweep", "SweepRun"])
def test_a_crd_is_small_enough_for_kubectl_apply(crd: Schema) -> None:
    assert len(json.dumps(crd)) < LARGEST


@pytest.mark.parametrize("name", ProteinSpec.model_fields)
def test_descriptions_state_the_optimizers_defaults(name: str) -> None:
    default = getattr(ProteinSettings(), name)
    if default is None:
        words = {
            "max_suggestion_cost": "no cap",
            "num_random_samples": "parameters + 1",
            "prior_weight": "0.5, or 0",
        }[name]
    else:
        words = f"{default:g}" if isinstance(default, float) else str(default).lower()
    assert f"Default: {words}" in SWEEP[f"sweep.spec.protein.{to_camel(name)}"]["description"]
