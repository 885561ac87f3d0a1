"""Sweeps of these tests, and what they say."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from tests.cluster.images import CHECKOUT
from tests.cluster.kubectl import Kubectl
from tests.cluster.sweeps import condition, ended, running_pods, runs
from tests.e2e.workload import Object, Workload

PATIENCE = 400.0
"""Seconds to wait for what real containers do in some tens."""
CARTPOLE = CHECKOUT / "configs" / "examples" / "cartpole.yaml"


def cartpole(workload: Workload, **limits: int) -> Object:
    """The example, with fewer steps and the test's image."""
    sweep = YAML(typ="safe").load(CARTPOLE.read_text())
    sweep["spec"]["train"] |= workload.stage
    sweep["spec"]["fixed"] |= {"trainer.total_timesteps": 2000, "sim.episodes": 5}
    sweep["spec"]["limits"] = limits
    return dict(sweep)


def one_run(name: str, workload: Workload, train: Mapping[str, Any], **spec: Any) -> Object:
    """A sweep of one run, without an evaluation."""
    sweep = cartpole(workload, maxRuns=1, maxParallelRuns=1)
    sweep["metadata"] = {"name": name}
    del sweep["spec"]["eval"], sweep["spec"]["train"]["reports"]  # of parameters that this sweep may not have
    sweep["spec"] |= copy.deepcopy(spec)
    sweep["spec"]["train"] |= train
    return sweep


def finished(cluster: Kubectl, namespace: str, sweep: str) -> Object:
    """The sweep, when it has a result. Raises AssertionError."""
    cluster.until(lambda: ended(cluster.get("sweep", sweep, namespace)), f"the sweep {sweep} has ended", PATIENCE)
    return cluster.get("sweep", sweep, namespace)


def of_x(name: str, workload: Workload, program: str, **limits: int) -> Object:
    """A sweep whose runs execute ``program`` and report their parameter x."""
    parameters = {"x": {"distribution": "uniform", "min": 0, "max": 1}}
    report = 'python /etc/sweep/sweep_report.py "reward=$SWEEP_PARAM_X"'
    train = {"command": ["sh", "-c", f"{program}; exec {report}"]}
    return one_run(name, workload, train, parameters=parameters, fixed={}, limits=limits, method="random")


def until_in_the_middle(cluster: Kubectl, namespace: str, sweep: str) -> None:
    """Until a run has ended and another one runs."""
    cluster.until(
        lambda: (
            any(condition(r).get("status") == "True" for r in runs(cluster, namespace, sweep))
            and bool(running_pods(cluster, namespace, sweep))
        ),
        f"{sweep} is in the middle",
        PATIENCE,
    )
