"""The cluster Kube against a real API server: the same conformance suites as the embedded one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sweep_operator.kube.cluster import ClusterKube
from sweep_operator.kube.protocol import Kube
from tests.cluster.cluster import Cluster
from tests.kube.engine_conformance import EngineConformance
from tests.kube.kube_conformance import KubeConformance


class TestClusterKube(KubeConformance, EngineConformance):
    @pytest.fixture
    async def kube(self, cluster: Cluster) -> AsyncIterator[Kube]:
        kube = await ClusterKube.connect(cluster.kubeconfig)
        yield kube
        await kube.close()
