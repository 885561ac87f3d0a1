"""Manifests as one machine stores them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.kube.protocol import Kind, Object

NAMESPACE = "default"


def with_namespace(manifest: Mapping[str, Any]) -> Object:
    """The manifest in the namespace of local mode; a SweepRun has the label that the operator sets in a cluster."""
    metadata = {**(manifest.get("metadata") or {}), "namespace": NAMESPACE}
    if manifest.get("kind") == Kind.SWEEP_RUN.value:
        sweep = (manifest.get("spec") or {}).get("sweepName")
        metadata["labels"] = {**(metadata.get("labels") or {}), **({SWEEP_LABEL: sweep} if sweep else {})}
    return {**manifest, "metadata": metadata}


def replacing_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """A merge patch that turns ``old`` into ``new``. It removes keys that ``new`` does not have."""
    patch: Object = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            value = replacing_patch(before, value)
        patch[key] = value
    return patch
