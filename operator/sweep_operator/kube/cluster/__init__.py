"""A real cluster, through the official asyncio client. No other package imports that client."""

from sweep_operator.kube.cluster.callers import Callers
from sweep_operator.kube.cluster.client import ClientOptions, ClusterKube
from sweep_operator.kube.cluster.connection import NoCluster
from sweep_operator.kube.cluster.credentials import Credentials, credentials
from sweep_operator.kube.cluster.errors import NoAnswer, NotSent
from sweep_operator.kube.cluster.objects import cleaner
from sweep_operator.kube.cluster.paths import resource
from sweep_operator.kube.cluster.sources import Source, find_persons_source, find_source, kubeconfig_contexts

__all__ = [
    "Callers",
    "ClientOptions",
    "ClusterKube",
    "Credentials",
    "NoAnswer",
    "NoCluster",
    "NotSent",
    "Source",
    "cleaner",
    "credentials",
    "find_persons_source",
    "find_source",
    "kubeconfig_contexts",
    "resource",
]
