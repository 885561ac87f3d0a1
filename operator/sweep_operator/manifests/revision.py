"""A run template as a ControllerRevision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep_operator.api.model import JsonObject
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.domain.revisions import RunTemplate, revision_name
from sweep_operator.manifests.ownership import owned_by_sweep, sweep_labels


def build_revision(sweep: Sweep, template: RunTemplate) -> JsonObject:
    """Return the immutable ControllerRevision. Its name contains the hash of its content."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": revision_name(sweep.name, template.hash),
            "namespace": sweep.metadata.namespace,
            "labels": sweep_labels(sweep),
            "ownerReferences": owned_by_sweep(sweep),
        },
        "data": template.to_json(),
        "revision": 1,
    }


def read_revision(obj: Mapping[str, Any]) -> RunTemplate:
    """Return the template that ``build_revision`` stored."""
    return read(RunTemplate, obj["data"])
