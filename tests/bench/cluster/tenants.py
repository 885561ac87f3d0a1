"""The pace of one tenant while another one attacks: `python -m tests.bench.cluster.tenants [--pairs 10]`.

Each pair is the same sweep twice, without and with the attack. The attack creates a Sweep per second in another
namespace of the same operator: rules of seven nested macros and long patterns, a warm start from a ConfigMap that is a
gzip bomb, and ConfigMaps with the name of a stored warm start. Nodes and pods are played, as in tests/cluster.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from dev.generate.rbac import manifests
from tests.cluster.cluster import Cluster
from tests.cluster.fixtures import started
from tests.cluster.kubectl import KubectlFailed, Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import check_ended_well, condition, sweep

DIGITS = "[0,1,2,3,4,5,6,7,8,9]"
NESTED = "".join(f"{DIGITS}.all({name}, " for name in "abcdefg") + "params['x'] >= 0.0" + ")" * 7
TWO_LEVELS = f"{DIGITS}.all(a, {DIGITS}.all(b, a + b >= 0 && params['x'] >= 0.0))"
PATTERN = "(?P<value>" + "(a?){50}" * 20 + ")"


class Attack:
    """Creates Sweeps in a namespace until it is left."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self._numbers = itertools.count()
        self._over = threading.Event()
        bomb = base64.b64encode(gzip.compress(b"\n" * 300_000_000)).decode()
        self._bomb: Object = {"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"rows.jsonl.gz": bomb}}
        self._create({**self._bomb, "metadata": {"name": "bomb"}})

    def __enter__(self) -> Attack:
        self._over.clear()
        self._thread = threading.Thread(target=self._attack)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        created = self.cluster.list("sweeps", self.namespace)
        verdicts = Counter(str(condition(obj, "Accepted").get("status")) for obj in created)
        print(f"  {len(created)} Sweeps of the attacker, by Accepted: {dict(verdicts)}")
        self.cluster.kubectl("delete", "sweeps", "--all", "-n", self.namespace)

    def _attack(self) -> None:
        for number in self._numbers:
            if self._over.is_set():
                return
            kinds: list[dict[str, Any]] = [
                {"constraints": [{"rule": NESTED}]},
                {"constraints": [{"rule": TWO_LEVELS}] * 8},
                {"train": {"results": {"source": "Log", "pattern": PATTERN}}},
                {"warmStart": {"from": [{"configMap": "bomb"}]}},
            ]
            name = f"attack-{number}"
            try:
                self._create({**self._bomb, "metadata": {"name": f"{name}-warm-start"}})
                self._create(sweep(name, limits={"maxRuns": 1}, **kinds[number % len(kinds)]))
            except KubectlFailed:
                pass  # the API server rejects some of them, which is fine
            self._over.wait(1)

    def _create(self, obj: Object) -> None:
        self.cluster.kubectl("create", "-n", self.namespace, "-f", "-", stdin=json.dumps(obj))


def seconds_of(cluster: Cluster, namespace: str, name: str, runs: int) -> float:
    """Duration of a sweep of trainings of 1 s, 4 at a time."""
    began = time.monotonic()
    body = sweep(name, limits={"maxRuns": runs, "maxParallelRuns": 4}, env={"TEST_SECONDS": "1s"})
    cluster.apply(body, namespace)

    def ended() -> bool:
        return condition(cluster.get("sweep", name, namespace)).get("reason") == "MaxRunsReached"

    cluster.until(ended, "it ends", 600)
    check_ended_well(cluster, namespace, name, runs)
    return time.monotonic() - began


def main() -> None:
    """Print the pairs and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--runs", type=int, default=24, help="of each sweep")
    args = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder, started(lambda: Cluster(Path(folder))) as cluster:
        home, attacker = cluster.namespace(), cluster.namespace()
        options = (f"--namespace={attacker}", f"--lease-namespace={home}", "--lease-seconds=10")
        attack = Attack(cluster, attacker)
        ratios = []
        with Operator(cluster, home, *options, account=manifests("cluster", home)) as operator:
            seconds_of(cluster, home, "warm-up", 8)
            for pair in range(args.pairs):
                alone = seconds_of(cluster, home, f"alone-{pair}", args.runs)
                with attack:
                    attacked = seconds_of(cluster, home, f"attacked-{pair}", args.runs)
                ratios.append(alone / attacked)
                print(f"{alone:6.1f} s alone, {attacked:6.1f} s attacked: pace {ratios[-1]:.2f}", flush=True)
            assert operator.ready()
        print(f"median pace while attacked: {statistics.median(ratios):.2f} of the pace alone")


if __name__ == "__main__":
    main()
