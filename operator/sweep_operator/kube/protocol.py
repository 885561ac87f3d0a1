"""The Kube protocol: the requests to a Kubernetes API server that the engine uses.

Objects are plain JSON dictionaries as the API server returns them (``apiVersion``, ``kind``, ``metadata``, ``spec``,
``status``). Two implementations exist, a real cluster and the embedded one; one conformance suite runs against both.

Rules for every implementation:

* A returned object is a copy: changing it has no effect on the server or a cache.
* ``resourceVersion`` grows with every write of any object and can be compared as an integer.
* ``generation`` grows only when ``spec`` changes; a write of the main resource never touches ``status`` (kinds with a
  status subresource: Sweep, SweepRun, Job, Pod). A status write never touches ``spec``, and of a Sweep or SweepRun
  never ``metadata``; of a Job or Pod an API server takes the labels too, so send those that were read.
* A write that changes nothing has no effect: the object keeps its resourceVersion and no watch event is sent.
* Deleting an object with finalizers sets ``deletionTimestamp``; it is deleted when the last finalizer is removed.
* Objects whose owners are all deleted are garbage collected (background propagation) after a while.
* Integral floats of Sweeps and SweepRuns are returned as integers (1.0 as 1). Unparsed content (the ``data`` of a
  ControllerRevision) may keep its form.
* ``metadata.managedFields`` may be missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

Object = dict[str, Any]
"""One Kubernetes object as JSON."""


Labels = Mapping[str, str | frozenset[str]]
"""A label selector: for each label its value, or the values of which it must have one."""


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
    """Seconds after which the server asks for a retry."""


class NotFound(KubeError):
    """404: the object does not exist."""


class AlreadyExists(KubeError):
    """409 on create: an object with this name exists."""


class Conflict(KubeError):
    """409 on a write with a precondition (resourceVersion or uid) that no longer holds. Read the object again."""


class Invalid(KubeError):
    """422 or 400: the server rejects the object. The same write would fail again."""


class Forbidden(KubeError):
    """403: no permission, a quota is exceeded, or admission rejects the object."""


class Gone(KubeError):
    """410: the resourceVersion of a watch is too old. LIST again."""


class TooManyRequests(KubeError):
    """429 after the client's own retries."""


class Unavailable(KubeError):
    """5xx, or no connection: the request had no effect."""


class Unauthenticated(Unavailable):
    """401: the credentials are rejected, even after they were reloaded. Renewed ones may be accepted."""


class UnknownOutcome(KubeError):
    """The request was sent and no answer came, so its effect is unknown. Repeat it: requests are idempotent."""


class Stored(dict[str, Any]):
    """An object from a Kube that stores it compressed, for caches that need it compressed, too."""

    __slots__ = ("dictionary", "packed")

    def __init__(self, obj: Object, packed: bytes, dictionary: bytes) -> None:
        """``packed``: its JSON, compressed by zlib with this dictionary."""
        super().__init__(obj)
        self.packed, self.dictionary = packed, dictionary


@dataclass(frozen=True)
class ObjectList:
    """A LIST: the items and the resourceVersion from which a watch continues without a gap."""

    items: Sequence[Object]
    resource_version: int


@dataclass(frozen=True)
class LogPart:
    """A part of a log."""

    text: str
    stamped: bool
    """Whether each line begins with its time."""
    time: float
    """Unix time for lines without one."""
    position: str
    """Where the next part begins."""
    end: str
    """Changes when the log grows."""
    more: bool
    """Whether there was more than the limit."""


EventType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True)
class WatchEvent:
    """One change; ``object`` is the state after it (for DELETED: the last state, with a new resourceVersion)."""

    type: EventType
    object: Object


Propagation = Literal["Background", "Foreground", "Orphan"]


class Kube(Protocol):
    """The requests that the engine sends. Every method may raise any :class:`KubeError`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """A live read. Raises NotFound."""
        ...

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        """All objects of a kind, in one namespace or (None) in all; ``labels``: only those that match."""
        ...

    def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        """The same page by page, all of one resourceVersion, for callers that do not keep the objects.

        There is at least one page. Raises Gone if the pages are read too slowly: LIST instead.
        """
        ...

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        """Create ``body`` (its metadata names namespace and name). Raises AlreadyExists, Invalid, Forbidden."""
        ...

    async def update_status(self, kind: Kind, body: Object) -> Object:
        """Replace ``status`` by that of ``body`` if the object still has ``body.metadata.resourceVersion``.

        Raises Conflict if it does not (or another object has the name, or the body has no version), and NotFound if
        there is no object with this name.
        """
        ...

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        """JSON merge patch (RFC 7386) of metadata and spec. ``resource_version`` is a precondition (Conflict).

        A ``metadata.uid`` in the patch that differs from the object's is rejected (Invalid).
        """
        ...

    async def remove_finalizer(
        self, kind: Literal[Kind.POD], namespace: str, name: str, finalizer: str, *, uid: str
    ) -> Object:
        """Remove one finalizer, even if the object changes meanwhile. Without this finalizer nothing happens.

        Returns the object after the change, or its last state. Raises NotFound, and Invalid if the object has another
        ``uid``.
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
        """Delete all objects with these labels (background propagation) in one request. There may be none."""
        ...

    async def serves(self, group: str) -> bool:
        """Whether the API group is installed."""
        ...

    def watch(self, kind: Kind, namespace: str | None = None, *, resource_version: int) -> AsyncIterator[WatchEvent]:
        """Changes after ``resource_version`` (of a LIST), in order, without end.

        Raises Gone if that version is too old: LIST again and watch from there.
        """
        ...

    def read_log(
        self, namespace: str, pod: str, container: str = "main", *, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        """The container's log so far, in chunks, oldest first; with ``tail``, only its last lines.

        Raises NotFound if the pod or container does not exist. A pod that never started may have an empty log.
        """
        ...

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        """The log of main after ``position``: complete lines, at most ``limit`` bytes.

        ``last``: nothing is written any more, so an incomplete line counts. ``skip``: continue near the end of the log.
        Raises NotFound.
        """
        ...
