"""The pace of one tenant while another one attacks: `python -m tests.bench.cluster.tenants [--node] [--pairs 10]`.

Each pair is the same sweep twice, without and with the attacks of attacks.py from another namespace. Every pair has a
new attacker, since the operator lets a namespace wait after each evaluation that exceeds its limits. Without --node,
KWOK plays nodes and pods. With it, the operator is the chart's Deployment on a real node as in tests/e2e (root on
Linux), and the attacker's pods have a quota, because the attack is on the operator and not on the node.

``--attacks honest`` is a neighbor with as many Sweeps and pods and nothing wrong about them. Where the control plane,
the node and the operator share two cores, an honest neighbor costs pace too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from dev.generate.rbac import manifests
from tests.bench.cluster.attacks import HONEST, KINDS, LOG_BYTES, LOG_LINE, NESTED_RESULT, Attack
from tests.bench.cluster.shares import Shares
from tests.builders import sweep_body
from tests.cluster.chart import Release
from tests.cluster.cluster import Cluster
from tests.cluster.fixtures import started
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.node import NodeCluster
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import check_ended_well, condition
from tests.e2e.workload import operator_values, workload

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
_REPORT = 'exec python /etc/sweep/sweep_report.py "reward=$SWEEP_PARAM_X"'
_PROGRAMS = {
    "x": f"sleep 1; {_REPORT}",
    "nested": f"head -c {len(NESTED_RESULT)} /dev/zero | tr '\\0' '[' > \"$SWEEP_RESULTS_FILE\"",
    "log": f"yes {LOG_LINE} | head -c {LOG_BYTES}",
}


class Place(Protocol):
    """A cluster with an operator, for a victim and its attackers."""

    cluster: Kubectl
    victim: str
    attackers: list[str]

    def train(self, namespace: str, what: str) -> Object:
        """``spec.train`` of attacks.Train."""
        ...

    def restarts(self) -> int:
        """How often the operator was started again."""
        ...


class Played:
    """Pods played by KWOK, the operator a process of this machine."""

    def __init__(self, cluster: Cluster, pairs: int) -> None:
        self.cluster = cluster
        self.victim, *self.attackers = [cluster.namespace() for _ in range(pairs + 1)]
        log = cluster.folder / "container.log"
        line = f"2026-01-01T00:00:00Z stdout F {LOG_LINE}\n"
        log.write_text(line * (LOG_BYTES // len(line)))
        cluster.add_node("loud", taints=[{"key": "loud", "effect": "NoSchedule"}], played_by="loud", log=log)

    def train(self, namespace: str, what: str) -> Object:
        env = {"TEST_SECONDS": "1s", "TEST_FAULT": {"nested": "nested"}.get(what, "")}
        loud = {"nodeSelector": {"kubernetes.io/hostname": "loud"}, "tolerations": [{"operator": "Exists"}]}
        variables = [{"name": name, "value": value} for name, value in env.items()]
        return {"image": "played:1", "command": ["train"], "env": variables, **(loud if what == "log" else {})}

    @contextmanager
    def operated(self) -> Iterator[None]:
        """The operator runs."""
        options = [f"--namespace={name}" for name in self.attackers]
        options += [f"--lease-namespace={self.victim}", "--lease-seconds=10"]
        account = manifests("cluster", self.victim)
        with Operator(self.cluster, self.victim, *options, account=account) as self._operator:
            yield

    def restarts(self) -> int:
        assert self._operator.ready(), "the operator has ended"
        return 0


class Node:
    """Real pods on a real node."""

    def __init__(self, cluster: NodeCluster, pairs: int) -> None:
        self.cluster = cluster
        home, self.victim, *self.attackers = [cluster.namespace(**RESTRICTED) for _ in range(pairs + 2)]
        self._workloads = {name: workload(cluster, name) for name in (self.victim, *self.attackers)}
        self._release = Release(cluster, home, operator_values(cluster, home))
        cluster.apply([_cpu_of(request="200m")], self.victim)
        for name in self.attackers:
            cluster.apply([_QUOTA, _cpu_of(request="10m", limit="200m")], name)

    def train(self, namespace: str, what: str) -> Object:
        return {**self._workloads[namespace].stage, "command": ["sh", "-c", _PROGRAMS[what]]}

    @contextmanager
    def operated(self) -> Iterator[None]:
        """The operator is installed."""
        self._release.install()
        yield

    def restarts(self) -> int:
        statuses = [s for pod in self._release.pods() for s in pod["status"]["containerStatuses"]]
        return sum(s["restartCount"] for s in statuses)


_QUOTA: Object = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "pods"},
    "spec": {"hard": {"count/pods": "2"}},
}


def _cpu_of(*, request: str, limit: str | None = None) -> Object:
    """What containers get. Those of the victim request CPU time, as trainings do: others get what nobody requests."""
    limits = {"type": "Container", "defaultRequest": {"cpu": request}, **({"default": {"cpu": limit}} if limit else {})}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "cpu"}, "spec": {"limits": [limits]}}


def seconds_of(place: Place, name: str, runs: int, method: str) -> float:
    """Duration of a sweep of trainings of 1 s, 4 at a time."""
    limits = {"maxRuns": runs, "maxParallelRuns": 4}
    spec: dict[str, Any] = {"train": place.train(place.victim, "x"), "limits": limits, "method": method}
    began = time.monotonic()
    place.cluster.apply(sweep_body(name, goal="maximize", **spec), place.victim)

    def ended() -> bool:
        return condition(place.cluster.get("sweep", name, place.victim)).get("reason") == "MaxRunsReached"

    place.cluster.until(ended, "it ends", 900)
    seconds = time.monotonic() - began
    check_ended_well(place.cluster, place.victim, name, runs)
    return seconds


def measure(place: Place, pairs: int, runs: int, method: str, kinds: list[str]) -> list[float]:
    """Pace under attack relative to the pace alone, by pair."""
    ratios = []
    seconds_of(place, "warm-up", 8, method)
    for pair, attacker in enumerate(place.attackers[:pairs]):
        attack = Attack(place.cluster, attacker, lambda what, attacker=attacker: place.train(attacker, what), kinds)
        with Shares() as before:
            alone = seconds_of(place, f"alone-{pair}", runs, method)
        with attack, Shares() as meanwhile:
            attacked = seconds_of(place, f"attacked-{pair}", runs, method)
        ratios.append(alone / attacked)
        print(f"  CPU seconds alone: {before.text}\n  attacked: {meanwhile.text}")
        text = f"{alone:6.1f} s alone, {attacked:6.1f} s attacked: pace {ratios[-1]:.2f}"
        print(f"{text} (restarts: {place.restarts()}, load: {os.getloadavg()[0]:.1f})", flush=True)
    return ratios


@contextmanager
def _placed(node: bool, pairs: int) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        clusters: AbstractContextManager[Cluster | NodeCluster]
        clusters = started(lambda: NodeCluster(Path(folder)) if node else Cluster(Path(folder)))
        with clusters as cluster:
            place = Node(cluster, pairs) if isinstance(cluster, NodeCluster) else Played(cluster, pairs)
            with place.operated():
                yield place


def main() -> None:
    """Print the pairs, the median ratio and its spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", action="store_true", help="on a real node")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--runs", type=int, default=24, help="of each sweep")
    parser.add_argument("--method", choices=["bayes", "random"], default="bayes", help="of the victim's sweep")
    parser.add_argument("--attacks", nargs="+", choices=[*KINDS, HONEST], default=KINDS, help="(default: all)")
    args = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with _placed(args.node, args.pairs) as place:
        ratios = measure(place, args.pairs, args.runs, args.method, args.attacks)
    low, median, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    print(f"pace while attacked, relative to the pace alone: median {median:.2f}, quartiles {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
