"""The headless Service of a multi-node stage: it gives rank 0 a DNS name."""

from __future__ import annotations

from sweep_operator.api.model import JsonObject
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.env import MASTER_PORT
from sweep_operator.manifests.ownership import owned_by_run


def build_service(attempt: StageAttempt) -> JsonObject | None:
    """None for a stage that runs on one node."""
    if attempt.spec.nodes <= 1:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": attempt.name,
            "namespace": attempt.run.metadata.namespace,
            "labels": attempt.labels,
            "ownerReferences": owned_by_run(attempt.run),
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # ranks connect to rank 0 before it is ready
            "selector": attempt.selector,
            "ports": [{"name": "rendezvous", "port": MASTER_PORT}],
        },
    }
