"""What happened in a namespace and when, by the API server's audit log: to note it costs the machine nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np

from tests.cluster.audit import received, resource, writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object


@dataclass
class Timeline:
    """Seconds since the epoch, by name, in order."""

    jobs: dict[str, float] = field(default_factory=dict)
    """Creations of Jobs."""
    started: dict[str, float] = field(default_factory=dict)
    """When the main container of each pod started."""
    ended: dict[str, float] = field(default_factory=dict)
    """When it ended."""
    recorded: dict[str, float] = field(default_factory=dict)
    """The latest status write of each SweepRun."""
    sent: Counter[str] = field(default_factory=Counter)
    """Writes of the account, by verb and resource."""

    @classmethod
    def of(cls, cluster: Cluster, namespace: str, account: str, prefix: str, since: datetime | None = None) -> Self:
        """The Jobs, pods and SweepRuns whose names begin with ``prefix``, and what ``account`` has written."""
        made = cls()
        for event in writes(cluster, namespace=namespace, since=since):
            made._note(event, account, event["objectRef"].get("name", "").replace(".", "-").startswith(prefix))
        return made

    def _note(self, event: Object, account: str, ours: bool) -> None:
        at, name, what = received(event).timestamp(), event["objectRef"].get("name", ""), resource(event)
        if event["user"]["username"] == account:
            self.sent[f"{event['verb']} {what}"] += 1
            if ours and what == "jobs" and event["verb"] == "create":
                self.jobs.setdefault(name, at)
            if ours and what == "sweepruns/status":
                self.recorded[name] = at
        elif ours and what == "pods/status" and event["userAgent"].startswith("kwok"):
            (self.ended if name in self.started else self.started)[name] = at

    def part(self, prefix: str) -> Timeline:
        """Those whose names begin with ``prefix``."""
        columns = (self.jobs, self.started, self.ended, self.recorded)
        return Timeline(
            *({name: at for name, at in column.items() if name.startswith(prefix)} for column in columns), self.sent
        )

    def gaps(self, parallel: int) -> list[float]:
        """Seconds from each end of a pod to the Job that takes its slot: the n-th end frees the (parallel + n)-th."""
        return [job - end for end, job in zip(sorted(self.ended.values()), self._order[parallel:], strict=False)]

    def gaps_since(self, shown: Mapping[str, float], parallel: int) -> list[float]:
        """The same since the end of each pod was shown to an ``Onlooker``."""
        seen = replace(self, ended={pod: shown[pod] for pod in self.ended})
        return seen.gaps(parallel)

    def slots_used(self, parallel: int) -> float:
        """Share of the slots with a running container, from the first Job to the last one."""
        first, last = self._order[0], self._order[-1]
        running = sum(
            max(0.0, min(last, self.ended[pod]) - started) for pod, started in self.started.items() if pod in self.ended
        )
        return running / (parallel * (last - first))

    def seconds(self, since: float) -> float:
        """Until the last result is recorded."""
        return max(self.recorded.values()) - since

    @property
    def _order(self) -> list[float]:
        return sorted(self.jobs.values())


def at(values: list[float], percent: float) -> float:
    """The percentile; NaN without values."""
    return float(np.percentile(values, percent)) if values else float("nan")
