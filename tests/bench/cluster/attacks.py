"""What a hostile tenant does: one Sweep of each kind per round, until the victim's sweep has ended."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

from tests.builders import X, sweep_body
from tests.cluster.kubectl import Kubectl, KubectlFailed, Object
from tests.cluster.sweeps import condition

DIGITS = "[0,1,2,3,4,5,6,7,8,9]"
NESTED = "".join(f"{DIGITS}.all({name}, " for name in "abcdefg") + "params['x'] >= 0.0" + ")" * 7
FIFTY = f"[{','.join(map(str, range(50)))}]"
SLOW = (
    "params['x'] in [0.0, 0.5, 1.0] || "
    f"{FIFTY}.all(a, {FIFTY}.all(b, !('a' + string(a)).matches('(a{{0,99}}){{0,9}}b')))"
)
"""Quick on the points that acceptance samples, slow on any other one."""
PATTERN = "(?P<value>" + "(a?){50}" * 8 + "a)"
"""Costs RE2 as much as an accepted pattern can."""
NESTED_RESULT = "[" * 4090
LOG_LINE = "a" * 999
LOG_BYTES = 100_000_000
SECONDS = 1.0
"""Between two Sweeps of the attacker."""

KINDS = ("macros", "rules", "bomb", "result", "model", "log")
HONEST = "honest"
"""No attack: as many Sweeps with nothing wrong about them. What they cost is the price of any neighbor."""

Train = Callable[[str], Object]
"""``spec.train`` of a stage that reports x, NESTED_RESULT ("nested"), or LOG_BYTES of LOG_LINE ("log")."""


def _wide() -> Object:
    """A model of 64 parameters, 2,000 observations on a growing front, and 65,536 candidates."""
    return {
        "parameters": {f"x{n}": X for n in range(64)},
        "method": "bayes",
        "protein": {"randomSuggestions": 65536, "suggestionsPerPareto": 65536},
        "warmStart": {"from": [{"configMap": "front"}], "maxObservations": 2000},
    }


def _kinds(train: Train) -> Iterator[tuple[str, Object]]:
    good = train("x")
    yield "macros", {"constraints": [{"rule": NESTED}], "train": good}
    yield "rules", {"constraints": [{"rule": SLOW}] * 8, "train": good}
    yield "bomb", {"warmStart": {"from": [{"configMap": "bomb"}]}, "train": good}
    yield "result", {"train": train("nested")}
    yield "model", {**_wide(), "train": good}
    yield HONEST, {"train": good}
    yield "log", {"train": {**train("log"), "results": {"source": "Log", "pattern": PATTERN}}}


def _bomb() -> Object:
    """0.9 MB that unpack to 900 MB."""
    data = base64.b64encode(gzip.compress(b"\n" * 900_000_000)).decode()
    return {"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"rows.jsonl.gz": data}}


def _front() -> Object:
    """Runs of which none is better and cheaper than another one."""
    rows = (
        {"parameters": {f"x{d}": (n * (d + 7)) % 97 / 97 for d in range(64)}, "score": math.log1p(n), "cost": 1.0 + n}
        for n in range(2000)
    )
    data = base64.b64encode(gzip.compress("\n".join(map(json.dumps, rows)).encode())).decode()
    return {"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"rows.jsonl.gz": data}}


class Attack:
    """Attacks from one namespace while the block runs, and removes its Sweeps afterwards.

    The block begins when two Sweeps of each kind are there.
    """

    def __init__(self, cluster: Kubectl, namespace: str, train: Train, kinds: Collection[str] = KINDS) -> None:
        self.cluster, self.namespace = cluster, namespace
        self._kinds = [(kind, spec) for kind, spec in _kinds(train) if kind in kinds]
        self._over, self._under_way = threading.Event(), threading.Event()
        self._bomb = _bomb()
        self._create({**self._bomb, "metadata": {"name": "bomb"}})
        self._create({**_front(), "metadata": {"name": "front"}})

    def __enter__(self) -> Attack:
        self._thread = threading.Thread(target=self._attack)
        self._thread.start()
        assert self._under_way.wait(300), "the attack has not begun"
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        created = self.cluster.list("sweeps", self.namespace)
        verdicts = Counter(
            f"{sweep['metadata']['labels']['attack']}: {condition(sweep, 'Accepted').get('status', 'waits')}"
            for sweep in created
        )
        print(f"  {len(created)} Sweeps of the attacker by Accepted: {dict(sorted(verdicts.items()))}")
        self.cluster.kubectl("delete", "sweeps", "--all", "-n", self.namespace, timeout=300)
        self.cluster.until(lambda: not self.cluster.list("pods", self.namespace), "the attacker's pods are gone", 300)

    def _attack(self) -> None:
        for number, (kind, spec) in enumerate(itertools.cycle(self._kinds)):
            if number == 2 * len(self._kinds):
                self._under_way.set()
            if self._over.wait(SECONDS):
                return
            name = f"attack-{number}"
            try:
                if kind == "bomb":  # with the name of a stored warm start of version 0.1.0
                    self._create({**self._bomb, "metadata": {"name": f"{name}-warm-start"}})
                self._create(sweep_body(name, metadata={"labels": {"attack": kind}}, **{**_BASE, **spec}))
            except KubectlFailed:
                pass  # the API server rejects some of them, which is fine

    def _create(self, obj: Object) -> None:
        self.cluster.kubectl("create", "-n", self.namespace, "-f", "-", stdin=json.dumps(obj))


_BASE: dict[str, Any] = {"goal": "maximize", "method": "random", "limits": {"maxRuns": 4, "maxParallelRuns": 2}}
