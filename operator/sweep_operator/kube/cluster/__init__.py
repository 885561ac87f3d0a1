"""A real cluster, through the official client (its asyncio side). Nothing else imports that client."""

from sweep_operator.kube.cluster.client import ClusterKube
from sweep_operator.kube.cluster.connection import NoCluster
from sweep_operator.kube.cluster.credentials import Credentials, credentials
from sweep_operator.kube.cluster.objects import cleaner
from sweep_operator.kube.cluster.paths import resource
from sweep_operator.kube.cluster.sources import find_persons_source, kubeconfig_contexts

__all__ = [
    "ClusterKube",
    "Credentials",
    "NoCluster",
    "cleaner",
    "credentials",
    "find_persons_source",
    "kubeconfig_contexts",
    "resource",
]
