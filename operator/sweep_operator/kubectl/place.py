"""``kubectl sweep``, for the commands that it shares with ``sweep``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sweep_operator.cluster.place import ClusterPlace
from sweep_operator.commands.place import Place, Program
from sweep_operator.kubectl.access import in_cluster
from sweep_operator.kubectl.names import complete_failed_runs, complete_parameters, complete_runs, complete_sweeps
from sweep_operator.kubectl.options import cluster_options


def _run(work: Callable[[Place], Awaitable[None]], **_: Any) -> None:
    in_cluster(lambda cluster: work(ClusterPlace(cluster)))


KUBECTL_SWEEP = Program(
    name="kubectl sweep",
    options=cluster_options,
    run=_run,
    complete_sweeps=complete_sweeps,
    complete_runs=complete_runs,
    complete_failed_runs=complete_failed_runs,
    complete_parameters=complete_parameters,
    has_pods=True,
)
