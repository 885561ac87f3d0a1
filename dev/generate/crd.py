"""The CustomResourceDefinitions, from the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from dev.generate.crd_rules import (
    RUN_SPEC,
    SWEEP_ROOT,
    SWEEP_SPEC,
    Rule,
    add_rules,
    validations,
)
from dev.generate.crd_schema import structural_schema
from sweep_operator.api.names import GROUP, VERSION
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun

Column = tuple[str, str, str, str]
"""(name, type, path, description)"""

_STATUS = '.status.conditions[?(@.type=="Succeeded")].reason'
_AGE: Column = ("Age", "date", ".metadata.creationTimestamp", "Time since the creation of the object.")

SWEEP_COLUMNS: Sequence[Column] = (
    ("Status", "string", _STATUS, "Running, or the reason why the sweep ended."),
    ("Runs", "integer", ".status.runs.created", "Number of runs."),
    ("OK", "integer", ".status.runs.succeeded", "Number of runs with a score."),
    ("Fail", "integer", ".status.runs.failed", "Number of failed runs."),
    ("Best", "number", ".status.best[0].score", "Best observed score."),
    ("Spent", "number", ".status.cost.spent", "Total cost of the runs, in status.cost.unit."),
    _AGE,
)
RUN_COLUMNS: Sequence[Column] = (
    ("Status", "string", _STATUS, "State of the run, or the reason why it ended."),
    ("Score", "number", ".status.score", "Observed score."),
    ("Cost", "number", ".status.cost", "Cost of the run."),
    ("Origin", "string", ".spec.origin", "Source of the parameters."),
    _AGE,
)


def sweep_crd() -> dict[str, Any]:
    """CRD of Sweep. Its scale subresource sets the number of parallel runs."""
    scale = {
        "specReplicasPath": ".spec.limits.maxParallelRuns",
        "statusReplicasPath": ".status.runs.running",
    }
    return _crd(Sweep, "sweeps", "sweep", "swp", SWEEP_COLUMNS, SWEEP_ROOT, SWEEP_SPEC, subresources={"scale": scale})


def run_crd() -> dict[str, Any]:
    """CRD of SweepRun."""
    fields = [{"jsonPath": ".spec.sweepName"}]
    return _crd(
        SweepRun, "sweepruns", "sweeprun", "swr", RUN_COLUMNS, (), RUN_SPEC, version={"selectableFields": fields}
    )


def _crd(
    model: type[BaseModel],
    plural: str,
    singular: str,
    short: str,
    columns: Sequence[Column],
    root: Sequence[Rule],
    rules: Mapping[str, Sequence[Rule]],
    *,
    subresources: Mapping[str, Any] | None = None,
    version: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    spec, status = structural_schema(model, "spec"), structural_schema(model, "status")
    status.pop("default", None)
    add_rules(spec, rules)
    schema = {
        "type": "object",
        "description": " ".join((model.__doc__ or "").split()),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"Always {model.__name__}."},
            "metadata": {"type": "object"},  # the API server adds its own description and accepts no other fields here
            "spec": spec,
            "status": status,
        },
        **({"x-kubernetes-validations": validations(root)} if root else {}),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": model.__name__,
                "listKind": f"{model.__name__}List",
                "plural": plural,
                "singular": singular,
                "shortNames": [short],
                # a category "sweeps" would make `kubectl get sweeps` list the runs too
                "categories": ["metta"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}, **(subresources or {})},
                    "additionalPrinterColumns": [
                        {"name": name, "type": type_, "jsonPath": path, "description": text}
                        for name, type_, path, text in columns
                    ],
                    **(version or {}),
                }
            ],
        },
    }
