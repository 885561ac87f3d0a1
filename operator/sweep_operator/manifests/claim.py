"""The PersistentVolumeClaim of a run."""

from __future__ import annotations

from sweep_operator.api.model import JsonObject
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.identity import claim_name
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.ownership import owned_by_run, run_labels


def build_claim(sweep: Sweep, run: SweepRun, template: RunTemplate) -> JsonObject | None:
    """None unless each run has its own claim. With ``whenDeleted: Retain`` the claim has no owner."""
    claim = template.run_volume.claim
    if claim is None:
        return None
    retained = sweep.spec.storage.when_deleted == "Retain"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(run),
            "namespace": run.metadata.namespace,
            "labels": run_labels(sweep, run),
            **({} if retained else {"ownerReferences": owned_by_run(run)}),
        },
        "spec": {
            "accessModes": list(claim.access_modes),
            "resources": {"requests": {"storage": claim.size}},
            **({"storageClassName": claim.storage_class_name} if claim.storage_class_name is not None else {}),
        },
    }
