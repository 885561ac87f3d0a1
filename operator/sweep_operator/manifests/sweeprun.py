"""The SweepRun that reserves an index."""

from __future__ import annotations

from collections.abc import Mapping

from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.model import JsonObject, Scalar
from sweep_operator.api.names import API_VERSION, run_object_name
from sweep_operator.api.parameters import search_center
from sweep_operator.api.suggestion import Prediction, Provenance
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Origin, SweepRun, SweepRunSpec
from sweep_operator.manifests.ownership import owned_by_sweep, sweep_labels


def build_run(
    sweep: Sweep,
    index: int,
    parameters: Mapping[str, Scalar],
    origin: Origin,
    prediction: Prediction | None = None,
    provenance: Provenance | None = None,
) -> JsonObject:
    """Return ``<sweep>.r.<index>`` with its origin, parameters, prediction and provenance."""
    spec: JsonObject = {
        "sweepName": sweep.name,
        "index": index,
        "origin": origin,
        "parameters": dict(parameters),
    }
    if prediction is not None:
        spec["prediction"] = prediction.to_json()
    if provenance is not None:
        spec["provenance"] = provenance.to_json()
    return {
        "apiVersion": API_VERSION,
        "kind": "SweepRun",
        "metadata": {
            "name": run_object_name(sweep.name, index),
            "namespace": sweep.metadata.namespace,
            "labels": sweep_labels(sweep),
            "ownerReferences": owned_by_sweep(sweep),
        },
        "spec": spec,
    }


def center_run(sweep: Sweep) -> SweepRun:
    """Return a sample run at the search center, which is never stored: checks render it instead of a real run."""
    return SweepRun(
        metadata=ObjectMeta(name=run_object_name(sweep.name, 0), namespace=sweep.metadata.namespace, uid="0" * 8),
        spec=SweepRunSpec(sweep_name=sweep.name, index=0, parameters=search_center(sweep.spec.parameters)),
    )
