"""The Kube protocol: the few verbs of a Kubernetes API server that the engine uses.

Objects are plain JSON dictionaries as the API server returns them (``apiVersion``, ``kind``, ``metadata``, ``spec``,
``status``). Two implementations exist, a real cluster and the embedded one; one conformance suite runs against both.

Rules that every implementation keeps:

* A returned object is a copy: changing it changes nothing in the server or in a cache.
* ``resourceVersion`` grows with every write of any object and can be compared as an integer.
* ``generation`` grows only when ``spec`` changes; a write of the main resource never touches ``status`` (kinds with a
  status subresource: Sweep, SweepRun, Job, Pod). A status write never touches ``spec``, and of a Sweep or SweepRun
  never ``metadata``; of a Job or Pod an API server takes the labels too, so send those that were read.
* A write that changes nothing has no effect: the object keeps its resourceVersion and no watch event is sent.
* Deleting an object that has finalizers sets ``deletionTimestamp``; it vanishes when the last finalizer is removed.
* Children whose owners are all gone are collected (background propagation), sooner or later.
* Integral floats of Sweeps and SweepRuns come back as integers (1.0 as 1); what is stored unparsed (the ``data`` of a
  ControllerRevision) may keep its form.
* ``metadata.managedFields`` need not be there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

Object = dict[str, Any]
"""One Kubernetes object as JSON."""


class Kind(StrEnum):
    """The resource types that the operator reads or writes."""

    SWEEP = "Sweep"
    SWEEP_RUN = "SweepRun"
    JOB = "Job"
    POD = "Pod"
    SERVICE = "Service"
    CONFIG_MAP = "ConfigMap"
    CLAIM = "PersistentVolumeClaim"
    REVISION = "ControllerRevision"
    EVENT = "Event"
    LEASE = "Lease"


API_VERSIONS: Mapping[Kind, str] = {
    Kind.SWEEP: "metta.ai/v1alpha1",
    Kind.SWEEP_RUN: "metta.ai/v1alpha1",
    Kind.JOB: "batch/v1",
    Kind.POD: "v1",
    Kind.SERVICE: "v1",
    Kind.CONFIG_MAP: "v1",
    Kind.CLAIM: "v1",
    Kind.REVISION: "apps/v1",
    Kind.EVENT: "v1",
    Kind.LEASE: "coordination.k8s.io/v1",
}


class KubeError(Exception):
    """Any answer of the API server other than success. ``str()`` is the server's own message."""

    retry_after: float | None = None
    """Seconds after which the server asks to be tried again."""


class NotFound(KubeError):
    """404: the object does not exist."""


class AlreadyExists(KubeError):
    """409 on create: an object of that name exists."""


class Conflict(KubeError):
    """409 on a write with a precondition (resourceVersion or uid) that no longer holds. Read the object again."""


class Invalid(KubeError):
    """422 or 400: the server refuses the object itself; repeating the same write is pointless."""


class Forbidden(KubeError):
    """403: no permission, a quota is full, or admission refuses the object."""


class Gone(KubeError):
    """410: the resourceVersion of a watch is too old. LIST again."""


class TooManyRequests(KubeError):
    """429 after the client's own retries."""


class Unavailable(KubeError):
    """5xx, or no connection: the request was certainly not carried out."""


class Unauthenticated(Unavailable):
    """401: the credentials at hand are not accepted, also when read again; renewed ones may be."""


class UnknownOutcome(KubeError):
    """The request was sent and no answer came: it may have been carried out. Resolved by doing the same thing again."""


@dataclass(frozen=True)
class ObjectList:
    """A LIST: the items and the resourceVersion from which a watch continues without a gap."""

    items: tuple[Object, ...]
    resource_version: int


EventType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True)
class WatchEvent:
    """One change; ``object`` is the state after it (for DELETED: the last state, with a new resourceVersion)."""

    type: EventType
    object: Object


Propagation = Literal["Background", "Foreground", "Orphan"]


class Kube(Protocol):
    """What the engine needs of an API server. Every method may raise any :class:`KubeError`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """A live read. Raises NotFound."""
        ...

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: Mapping[str, str] | None = None
    ) -> ObjectList:
        """All objects of a kind, of one namespace or (None) of all; ``labels``: equality selector."""
        ...

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        """Create ``body`` (its metadata names namespace and name). Raises AlreadyExists, Invalid, Forbidden."""
        ...

    async def update_status(self, kind: Kind, body: Object) -> Object:
        """Replace ``status`` by that of ``body`` if ``body.metadata.resourceVersion`` is still the object's.

        Raises Conflict when it is not (another object has the name by now, or the body carries no version), NotFound
        when there is no object of that name.
        """
        ...

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        """JSON merge patch (RFC 7386) of metadata and spec. ``resource_version`` is a precondition (Conflict).

        A ``metadata.uid`` in the patch that is not the object's is refused (Invalid).
        """
        ...

    async def remove_finalizer(
        self, kind: Literal[Kind.POD], namespace: str, name: str, finalizer: str, *, uid: str
    ) -> Object:
        """Take one finalizer off, whatever else changes meanwhile; nothing happens where it is not there.

        Raises NotFound, and Invalid when the object has another ``uid``. Returns the object as it is then, or was
        last.
        """
        ...

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        propagation: Propagation = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        """Delete. ``uid`` is a precondition (Conflict). Raises NotFound. ``grace_seconds`` 0 forces (Pods)."""
        ...

    async def delete_all(self, kind: Literal[Kind.JOB], namespace: str, *, labels: Mapping[str, str]) -> None:
        """Delete what has these labels (background propagation), in one request; nothing there is fine."""
        ...

    async def serves(self, group: str) -> bool:
        """Whether kinds of that API group are installed."""
        ...

    def watch(self, kind: Kind, namespace: str | None = None, *, resource_version: int) -> AsyncIterator[WatchEvent]:
        """Changes after ``resource_version`` (of a LIST), in order, without end.

        Raises Gone when that version is too old: LIST, and watch from there.
        """
        ...

    def read_log(self, namespace: str, pod: str, container: str = "main") -> AsyncIterator[bytes]:
        """The finished (or running) container's log so far, in chunks, oldest first.

        Raises NotFound when there is no such pod or container; a pod that never started may have an empty log.
        """
        ...
