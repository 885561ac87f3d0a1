"""What was asked of the API server, by its audit log: who wrote what, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubectl import Object

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
COUNTED = frozenset({"sweeps", "sweepruns", "jobs", "pods"})
"""The resources whose writes per run are limited."""


class Audited(Protocol):
    """A cluster whose audit log can be read."""

    @property
    def control_plane(self) -> ControlPlane: ...

    def audit(self, user: str | None = None) -> Iterator[Object]: ...


def writes(
    cluster: Audited, *, user: str | None = None, namespace: str | None = None, since: datetime | None = None
) -> list[Object]:
    """Writes that the API server carried out, oldest first; dry runs are none.

    ``since``: received at that time or later, by the API server's clock, which is the machine's own.
    """
    return [
        e
        for e in cluster.audit(user)
        if e["verb"] in WRITES
        and e.get("responseStatus", {}).get("code", 500) < 300
        and not is_dry_run(e)
        and namespace in (None, e["objectRef"].get("namespace"))
        and (since is None or received(e) >= since)
    ]


def is_dry_run(event: Object) -> bool:
    """Whether the request was a dry run."""
    return "dryRun" in event["requestURI"]


def counted(events: Iterable[Object]) -> Counter[str]:
    """How many of them were to each of the resources that count for the writes per run."""
    return Counter(e["objectRef"]["resource"] for e in events if e["objectRef"]["resource"] in COUNTED)


def without_leases(events: Iterable[Object]) -> list[str]:
    """The others, as ``user verb resource/subresource name``: the lease is renewed for as long as a process lives."""
    return [
        f"{e['user']['username']} {e['verb']} {resource(e)} {e['objectRef'].get('name', '')}"
        for e in events
        if e["objectRef"]["resource"] != "leases"
    ]


def still(cluster: Audited, namespace: str) -> bool:
    """Nobody has written there for some seconds: longer than the operator puts off a status of counters."""
    last = max(received(e) for e in writes(cluster, namespace=namespace) if e["objectRef"]["resource"] != "leases")
    return datetime.now(UTC) - last > timedelta(seconds=5)


def resource(event: Object) -> str:
    """``resource`` or ``resource/subresource``, as roles name it."""
    ref = event["objectRef"]
    return str(ref["resource"]) + (f"/{ref['subresource']}" if ref.get("subresource") else "")


def received(event: Object) -> datetime:
    """When the API server received the request."""
    return datetime.fromisoformat(event["requestReceivedTimestamp"])
