"""What the pods of these tests run: programs of the checkout, in an image that has what they need."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.binaries import Missing
from tests.cluster.given import GivenCluster
from tests.cluster.images import MACHINE, USER
from tests.cluster.node import NodeCluster

IMAGE_VARIABLE = "SWEEP_E2E_IMAGE"
OPERATOR_IMAGE_VARIABLE = "SWEEP_E2E_OPERATOR_IMAGE"
Object = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """An image with the reference trainer in its working directory, and the volumes that it needs."""

    image: str
    volumes: list[Object] = field(default_factory=list)
    mounts: list[Object] = field(default_factory=list)

    @property
    def stage(self) -> Object:
        """The fields of ``spec.train``."""
        return {"image": self.image, "volumes": self.volumes, "volumeMounts": self.mounts}


def workload(cluster: NodeCluster | GivenCluster, namespace: str) -> Workload:
    """On our own node this machine's programs, mounted; elsewhere the image that $SWEEP_E2E_IMAGE names."""
    if isinstance(cluster, NodeCluster):
        return Workload(MACHINE, *cluster.mount_machine(namespace))
    return Workload(_named(IMAGE_VARIABLE, "the reference trainer"))


def operator_values(cluster: NodeCluster | GivenCluster, namespace: str) -> Object:
    """What the chart is told here beside its defaults: the image, and what makes it whole."""
    if isinstance(cluster, NodeCluster):
        volumes, mounts = cluster.mount_machine(namespace)
        return {"image": _image(MACHINE), "extraVolumes": volumes, "extraVolumeMounts": mounts}
    return {"image": _image(_named(OPERATOR_IMAGE_VARIABLE, "the operator"))}


def _named(variable: str, what: str) -> str:
    image = os.environ.get(variable)
    if not image:
        raise Missing(f"with KUBECONFIG, {variable} must name an image of {what} that nodes have")
    return image


def _image(name: str) -> Object:
    repository, _, tag = name.rpartition(":")
    return {"repository": repository, "tag": tag}


def job(
    name: str,
    workload: Workload,
    command: Sequence[str],
    *,
    nodes: int = 1,
    limits: Mapping[str, str] | None = None,
) -> Object:
    """A Job as PodSecurity ``restricted`` allows it; with ``nodes`` indexed, in the subdomain of its own name."""
    container = {
        "name": "main",
        "image": workload.image,
        "command": list(command),
        "volumeMounts": workload.mounts,
        "resources": {"limits": dict(limits or {})},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": workload.volumes,
        **({"subdomain": name} if nodes > 1 else {}),
    }
    indexed = {"completions": nodes, "parallelism": nodes, "completionMode": "Indexed"} if nodes > 1 else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, **indexed, "template": {"metadata": {"labels": {"job": name}}, "spec": pod}},
    }


def ended(pod: Mapping[str, Any]) -> Object:
    """How its container ended; empty while it has not."""
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict((statuses[0].get("state") or {}).get("terminated") or {})


def message(pod: Mapping[str, Any]) -> Object:
    """The JSON that it left."""
    return dict(json.loads(ended(pod)["message"]))
