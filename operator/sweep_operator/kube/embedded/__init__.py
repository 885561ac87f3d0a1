"""Local mode's Kubernetes: an object store with the API server's semantics, a Job controller, and a runner."""

from sweep_operator.kube.embedded.cluster import LocalCluster, open_readonly
from sweep_operator.kube.embedded.persistence import StoreLocked, StoreUnreadable, is_locked
from sweep_operator.kube.embedded.server import EmbeddedKube

__all__ = ["EmbeddedKube", "LocalCluster", "StoreLocked", "StoreUnreadable", "is_locked", "open_readonly"]
