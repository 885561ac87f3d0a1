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
    ("Progress", "string", ".status.progress.summary", "Completed fraction or step, as reported by the program."),
    ("ETA", "integer", ".status.progress.etaSeconds", "Estimated seconds to the end of the stage."),
    ("Origin", "string", ".spec.origin", "Source of the parameters."),
    _AGE,
)


def sweep_crd() -> dict[str, Any]:
    """The CRD of Sweep. ``kubectl scale`` sets the number of parallel runs."""
    scale = {"specReplicasPath": ".spec.limits.maxParallelRuns", "statusReplicasPath": ".status.runs.running"}
    version = {"subresources": {"status": {}, "scale": scale}}
    return _crd(Sweep, "swp", SWEEP_COLUMNS, _schema(Sweep, SWEEP_ROOT, SWEEP_SPEC), version)


def run_crd() -> dict[str, Any]:
    """The CRD of SweepRun. A watch can select the runs of one Sweep."""
    version = {"subresources": {"status": {}}, "selectableFields": [{"jsonPath": ".spec.sweepName"}]}
    return _crd(SweepRun, "swr", RUN_COLUMNS, _schema(SweepRun, (), RUN_SPEC), version)


def _crd(
    model: type[BaseModel], short: str, columns: Sequence[Column], schema: dict[str, Any], version: Mapping[str, Any]
) -> dict[str, Any]:
    kind, singular = model.__name__, model.__name__.lower()
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": f"{singular}s",
        "singular": singular,
        "shortNames": [short],
        # not "sweeps": `kubectl get sweeps` would list the runs too
        "categories": ["metta"],
    }
    shown = [dict(zip(("name", "type", "jsonPath", "description"), column, strict=True)) for column in columns]
    served = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        **version,
        "additionalPrinterColumns": shown,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [served]},
    }


def _schema(
    model: type[BaseModel], root_rules: Sequence[Rule], spec_rules: Mapping[str, Sequence[Rule]]
) -> dict[str, Any]:
    spec, status = structural_schema(model, "spec"), structural_schema(model, "status")
    status.pop("default", None)
    add_rules(spec, spec_rules)
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
        **({"x-kubernetes-validations": validations(root_rules)} if root_rules else {}),
    }
