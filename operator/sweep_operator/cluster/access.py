"""A connection to the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweep_operator.kube.cluster import ClusterKube


@dataclass(frozen=True)
class Cluster:
    """A connection to the API server with the user's credentials, and the namespace to use."""

    kube: ClusterKube
    namespace: str
