"""All samples of /metrics: every metric of the operator with its labels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.runtime.metrics import Metrics
from sweep_operator.runtime.warm_start_sources import ClusterWarmStart
from sweep_operator.sandbox.tasks import InProcess
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.tracking.history.warm_start import WandbSources


def samples() -> Iterator[tuple[str, dict[str, str]]]:
    """(name, labels) of every sample, after one API request, with a Sweep and runs of each outcome."""
    metrics = Metrics()
    kube = EmbeddedKube(None, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    settings = Settings(config=OperatorConfig(), now=lambda: datetime.now(UTC), monotonic=lambda: 0.0)
    engine = Engine(
        kube, OptimizerPool(), ClusterWarmStart(kube, WandbSources(OperatorConfig()), InProcess()), settings
    )
    states = (("Unknown", "Training"), ("Unknown", "Scheduling"), ("True", "Completed"), ("False", "OOMKilled"))
    for number, (status, reason) in enumerate(states):
        meta = {"namespace": "team-a", "name": f"s.r.{number}", "uid": str(number), "resourceVersion": "1"}
        conditions = [{"type": "Succeeded", "status": status, "reason": reason}]
        run = {"metadata": meta, "spec": {"sweepName": "s"}, "status": {"conditions": conditions}}
        engine.store.apply(Kind.SWEEP_RUN, run)
    meta = {"namespace": "team-a", "name": "s", "uid": "s", "resourceVersion": "1"}
    engine.store.apply(Kind.SWEEP, {"metadata": meta})
    metrics.request("get", "200")
    metrics.watch(engine)
    families = text_string_to_metric_families(metrics.text().decode())
    return ((sample.name, sample.labels) for family in families for sample in family.samples)
