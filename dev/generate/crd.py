"""The CustomResourceDefinitions, from the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class _Resource:
    """What distinguishes one of our CRDs from the other."""

    model: type[BaseModel]
    plural: str
    singular: str
    short: str
    columns: Sequence[Column]
    root_rules: Sequence[Rule]
    spec_rules: Mapping[str, Sequence[Rule]]
    subresources: Mapping[str, Any] = field(default_factory=dict)
    selectable: Sequence[str] = ()
    """JSON paths of fields that a watch can select by."""


def sweep_crd() -> dict[str, Any]:
    """The CRD of Sweep. ``kubectl scale`` sets the number of parallel runs."""
    scale = {"specReplicasPath": ".spec.limits.maxParallelRuns", "statusReplicasPath": ".status.runs.running"}
    return _crd(
        _Resource(Sweep, "sweeps", "sweep", "swp", SWEEP_COLUMNS, SWEEP_ROOT, SWEEP_SPEC, subresources={"scale": scale})
    )


def run_crd() -> dict[str, Any]:
    """The CRD of SweepRun."""
    return _crd(
        _Resource(SweepRun, "sweepruns", "sweeprun", "swr", RUN_COLUMNS, (), RUN_SPEC, selectable=(".spec.sweepName",))
    )


def _crd(resource: _Resource) -> dict[str, Any]:
    kind = resource.model.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": resource.plural,
                "singular": resource.singular,
                "shortNames": [resource.short],
                # not "sweeps": `kubectl get sweeps` would list the runs too
                "categories": ["metta"],
            },
            "versions": [_version(resource)],
        },
    }


def _version(resource: _Resource) -> dict[str, Any]:
    selectable = [{"jsonPath": path} for path in resource.selectable]
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _schema(resource)},
        "subresources": {"status": {}, **resource.subresources},
        "additionalPrinterColumns": [
            {"name": name, "type": type_, "jsonPath": path, "description": text}
            for name, type_, path, text in resource.columns
        ],
        **({"selectableFields": selectable} if selectable else {}),
    }


def _schema(resource: _Resource) -> dict[str, Any]:
    model = resource.model
    spec, status = structural_schema(model, "spec"), structural_schema(model, "status")
    status.pop("default", None)
    add_rules(spec, resource.spec_rules)
    return {
        "type": "object",
        "description": " ".join((model.__doc__ or "").split()),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"Always {model.__name__}."},
            "metadata": {"type": "object"},  # the API server describes it, and takes nothing else here
            "spec": spec,
            "status": status,
        },
        **({"x-kubernetes-validations": validations(resource.root_rules)} if resource.root_rules else {}),
    }
