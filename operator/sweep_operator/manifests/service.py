"""The headless Service of a multi-node stage: rank 0 is found by DNS."""

from __future__ import annotations

from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL, job_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.env import MASTER_PORT
from sweep_operator.manifests.ownership import owned_by_run, run_labels


def build_service(sweep: Sweep, run: SweepRun, stage: Stage, attempt: int, template: RunTemplate) -> JsonObject | None:
    """None for a stage of one node."""
    spec = template.train if stage == "train" or template.eval is None else template.eval
    if spec.nodes <= 1:
        return None
    place = {RUN_LABEL: run.name, STAGE_LABEL: stage, ATTEMPT_LABEL: str(attempt)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": job_name(run.name, stage, attempt),
            "namespace": run.metadata.namespace,
            "labels": {**run_labels(sweep, run), **place},
            "ownerReferences": owned_by_run(run),
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # ranks look for rank 0 before it is ready
            "selector": place,
            "ports": [{"name": "rendezvous", "port": MASTER_PORT}],
        },
    }
