"""The Kube protocol over a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweep_operator.api.names import MAIN_CONTAINER
from sweep_operator.kube.cluster.connection import JSON, YAML, Connection
from sweep_operator.kube.cluster.log_part import TAILS, part_of
from sweep_operator.kube.cluster.objects import accept_deep_objects, cleaner, type_of
from sweep_operator.kube.cluster.pages import PAGE, list_all, pages
from sweep_operator.kube.cluster.paths import collection, item, resource, segment
from sweep_operator.kube.cluster.retry import Retry
from sweep_operator.kube.cluster.sources import Source, find_source
from sweep_operator.kube.cluster.transport import Request, Transport
from sweep_operator.kube.cluster.watch import follow
from sweep_operator.kube.protocol import (
    Conflict,
    Invalid,
    Kind,
    KubeError,
    Labels,
    LogPart,
    NotFound,
    Object,
    ObjectList,
    Propagation,
    WatchEvent,
)
from sweep_operator.pacing import AdaptiveBucket

_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_REVIEWS = "authorization.k8s.io/v1"
_NOT_IN_CREATES = ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "uid")
_ALWAYS_CREATED = (Kind.LEASE, Kind.EVENT)
"""Created without the leadership check: a Lease elects the leader, an Event only reports."""
_LOG_SILENCE = 60.0


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class ClientOptions:
    """Limits and hooks of a client."""

    qps: float = 2000.0
    burst: int = 2000
    """Far above what an API server admits of one client. It answers 429 then, and the client slows down."""
    request_timeout: float = 30.0
    """Seconds for one request and its answer."""
    raise_at_once: tuple[type[KubeError], ...] = ()
    """Errors that are raised immediately instead of retried."""
    on_request: Callable[[str, str], None] = lambda verb, code: None
    """Called with (verb, code) for each HTTP answer; code "error": no answer."""
    before_create: Callable[[], None] = _nothing
    """Called immediately before a create (except of a Lease or an Event) is sent. Its exceptions are raised."""
    page: int = PAGE
    """Objects per page of a LIST."""


class ClusterKube:
    """An API server. Objects are its JSON without ``managedFields`` (a third of their size, and unused).

    Leases are not rate limited: a leader that waits behind its own writes would lose its lease.
    """

    def __init__(self, transport: Transport, options: ClientOptions) -> None:
        self._transport, self._page, self._before_create = transport, options.page, options.before_create

    @classmethod
    async def connect(
        cls,
        kubeconfig: Path | None = None,
        *,
        context: str | None = None,
        source: Source | None = None,
        options: ClientOptions | None = None,
    ) -> ClusterKube:
        """Find the cluster. No request is sent yet, so the server may be down. Raises NoCluster.

        ``kubeconfig`` None: the pod's service account if there is one, else $KUBECONFIG, else ~/.kube/config.
        ``source``: replaces both.
        """
        accept_deep_objects()
        options = options or ClientOptions()
        transport = Transport(
            await Connection.open(source or find_source(kubeconfig, context)),
            AdaptiveBucket(options.qps, options.burst),
            Retry(except_=options.raise_at_once),
            timeout=options.request_timeout,
            on_request=options.on_request,
        )
        return cls(transport, options)

    async def close(self) -> None:
        """Cancel all requests and watches."""
        await self._transport.close()

    # -- reading ----------------------------------------------------------------------------------------------------

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """A live read (from etcd, not from a cache)."""
        return cleaner(kind)(await self._send(kind, Request("get", item(kind, namespace, name))))

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: Labels | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> ObjectList:
        """All objects of a kind, in pages of one resourceVersion. ``fields``: field selector."""
        selector = {**_selector(labels or {}), **_selector(fields or {}, "fieldSelector")}
        path = collection(kind, namespace)
        return await list_all(
            self._transport, path, selector, clean=cleaner(kind), page=self._page, limited=kind != Kind.LEASE
        )

    def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        """The same page by page."""
        query = {**_selector(labels or {}), "limit": str(self._page)}
        return pages(self._transport, collection(kind, namespace), query, clean=cleaner(kind))

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: int,
        fields: Mapping[str, str] | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Changes after ``resource_version``. The watch is restarted as long as no change is missed."""
        path, selector = collection(kind, namespace), _selector(fields or {}, "fieldSelector")
        return follow(self._transport, path, resource_version, clean=cleaner(kind), selector=selector)

    async def read_log(
        self,
        namespace: str,
        pod: str,
        container: str = "main",
        *,
        follow: bool = False,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """The container's log from the kubelet; ``follow``: until the container ends."""
        query = {"container": container, **({} if tail is None else {"tailLines": str(tail)})}
        query |= {name: "true" for name, wanted in (("follow", follow), ("timestamps", timestamps)) if wanted}
        request = Request("get", item(Kind.POD, namespace, pod, "log"), query)
        silence = None if follow else _LOG_SILENCE
        try:
            async with self._transport.stream(request, silence=silence, patient=True) as response:
                async for chunk in response.content.iter_any():
                    yield chunk
        except Invalid as error:
            # 400: the container is waiting to start, or the pod has no node yet.
            raise NotFound(str(error)) from None

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        """A part of the kubelet's log. ``position``: time of the last line."""
        places = (
            [{"tailLines": str(lines)} for lines in TAILS] if skip else [{"sinceTime": position} if position else {}]
        )
        data = b""
        for place in places:
            data = await self._log_bytes(namespace, pod, place, limit)
            if len(data) < limit:
                break
        return part_of(data, position, limit, last=last)

    async def _log_bytes(self, namespace: str, pod: str, place: Mapping[str, str], limit: int) -> bytes:
        """At most ``limit`` bytes of main's log, with times. Raises NotFound."""
        query = {"container": MAIN_CONTAINER, "timestamps": "true", "limitBytes": str(limit), **place}
        data = b""
        try:
            request = Request("get", item(Kind.POD, namespace, pod, "log"), query)
            async with self._transport.stream(request, silence=_LOG_SILENCE) as response:
                async for chunk in response.content.iter_any():
                    data = (data + chunk)[:limit]
                    if len(data) == limit:
                        break
        except Invalid as error:
            raise NotFound(str(error)) from None
        return data

    async def pod_metrics(self, namespace: str, *, labels: Mapping[str, str]) -> Sequence[Object]:
        """What pods use just now, by the metrics API (metrics.k8s.io); see ``serves`` for whether there is one."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
        answer = await self._transport.send(Request("list", path, _selector(labels)))
        return list(answer.get("items") or ())

    async def namespaces(self) -> Sequence[str]:
        """Names of those that exist."""
        answer = await self._transport.send(Request("list", "/api/v1/namespaces"))
        return [str(n["metadata"]["name"]) for n in answer.get("items") or ()]

    async def may(self, verb: str, kind: Kind, namespace: str | None, *, subresource: str = "") -> bool:
        """Whether this client's account has the permission; ``namespace`` None: in all namespaces."""
        group, version, plural = resource(kind)
        attributes = {"group": group, "version": version, "resource": plural, "subresource": subresource}
        attributes |= {"verb": verb, "namespace": namespace or ""}
        body = {"apiVersion": _REVIEWS, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = await self._transport.send(Request("create", f"/apis/{_REVIEWS}/selfsubjectaccessreviews", {}, body))
        return bool((answer.get("status") or {}).get("allowed"))

    async def serves(self, group: str) -> bool:
        """From the server's list of its API groups, which every account may read."""
        found = await self._transport.send(Request("get", "/apis"))
        return any(g.get("name") == group for g in found.get("groups") or [])

    # -- writing ----------------------------------------------------------------------------------------------------

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        """POST."""
        meta = {k: v for k, v in (body.get("metadata") or {}).items() if k not in _NOT_IN_CREATES}
        request = Request(
            "create",
            collection(kind, meta.get("namespace") or "default"),
            {"dryRun": "All", "fieldValidation": "Strict"} if dry_run else {},
            {**body, **type_of(kind), "metadata": meta},
            content_type=YAML if kind == Kind.REVISION else JSON,
            changes=not dry_run,
            check=_nothing if dry_run or kind in _ALWAYS_CREATED else self._before_create,
        )
        return cleaner(kind)(await self._send(kind, request))

    async def update_status(self, kind: Kind, body: Object) -> Object:
        """PUT of the status subresource."""
        meta = body["metadata"]
        if not meta.get("resourceVersion"):
            raise Conflict(f"{kind} {meta['name']}: the status has no resourceVersion; read the object first")
        path = item(kind, meta.get("namespace") or "default", meta["name"], "status")
        request = Request("update", path, {}, {**body, **type_of(kind)}, changes=True)
        return cleaner(kind)(await self._send(kind, request))

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        """JSON merge patch."""
        body = patch
        if resource_version is not None:
            body = {**patch, "metadata": {**(patch.get("metadata") or {}), "resourceVersion": resource_version}}
        request = Request("patch", item(kind, namespace, name), {}, body, _MERGE_PATCH, changes=True)
        return cleaner(kind)(await self._send(kind, request))

    async def remove_finalizer(self, kind: Kind, namespace: str, name: str, finalizer: str, *, uid: str) -> Object:
        """Strategic merge patch of one list entry, which cannot conflict with other writes."""
        body: Object = {"metadata": {"uid": uid, "$deleteFromPrimitiveList/finalizers": [finalizer]}}
        request = Request("patch", item(kind, namespace, name), {}, body, _STRATEGIC_PATCH, changes=True)
        return cleaner(kind)(await self._send(kind, request))

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
        """DELETE with options."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._send(kind, Request("delete", item(kind, namespace, name), {}, options, changes=True))

    async def delete_all(self, kind: Kind, namespace: str, *, labels: Mapping[str, str]) -> None:
        """DELETE of a collection."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        path = collection(kind, namespace)
        await self._send(kind, Request("deletecollection", path, _selector(labels), options, changes=True))

    async def scale_deployment(self, namespace: str, name: str, replicas: int) -> None:
        """PATCH of its scale. Raises NotFound."""
        path = f"/apis/apps/v1/namespaces/{segment('metadata.namespace', namespace)}/deployments"
        path += f"/{segment('metadata.name', name)}/scale"
        body: Object = {"spec": {"replicas": replicas}}
        await self._transport.send(Request("patch", path, {}, body, _MERGE_PATCH, changes=True))

    async def _send(self, kind: Kind, request: Request) -> Object:
        return await self._transport.send(replace(request, limited=kind != Kind.LEASE))


def _selector(wanted: Labels, by: str = "labelSelector") -> dict[str, str]:
    """Query of a selector; empty if everything is selected."""
    return {by: ",".join(_requirement(name, value) for name, value in wanted.items())} if wanted else {}


def _requirement(name: str, value: str | frozenset[str]) -> str:
    return f"{name}={value}" if isinstance(value, str) else f"{name} in ({','.join(sorted(value))})"
