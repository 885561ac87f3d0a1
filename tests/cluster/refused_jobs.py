"""A namespace in which nobody can create a Job: between two writes of an operator there is time to stop it."""

from __future__ import annotations

import json

from tests.cluster.kubectl import Kubectl, KubectlFailed


def refuse_jobs(cluster: Kubectl, namespace: str) -> None:
    """Nobody can create a Job there, as when the webhook of a queue is down, until that configuration is deleted."""
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "resources": ["jobs"], "operations": ["CREATE"]}
    webhook = {
        "name": "nobody.metta.ai",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    cluster.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": namespace},
            "webhooks": [webhook],
        }
    )
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "any"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "any"}]}}},
    }

    def refused() -> bool:
        try:
            cluster.kubectl("create", "-n", namespace, "--dry-run=server", "-f", "-", stdin=json.dumps(job))
        except KubectlFailed as error:
            return "failed calling webhook" in str(error)
        return False

    cluster.until(refused, "Jobs are refused")


def allow_jobs(cluster: Kubectl, namespace: str) -> None:
    """Again."""
    cluster.kubectl("delete", "validatingwebhookconfiguration", namespace)
