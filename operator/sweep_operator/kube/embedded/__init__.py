"""Local mode's Kubernetes: an object store with the API server's semantics, a Job controller, and a runner."""

from sweep_operator.kube.embedded.cluster import LocalCluster
from sweep_operator.kube.embedded.persistence import StoreLocked
from sweep_operator.kube.embedded.server import EmbeddedKube

__all__ = ["EmbeddedKube", "LocalCluster", "StoreLocked"]
