"""A LIST in pages, all of one resourceVersion."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sweep_operator.kube.cluster.transport import Request, Transport
from sweep_operator.kube.protocol import Gone, Object, ObjectList

PAGE = 500


async def list_all(
    transport: Transport,
    path: str,
    selector: Mapping[str, str],
    *,
    clean: Callable[[Object], Object],
    page: int,
    limited: bool = True,
) -> ObjectList:
    """All objects at one resourceVersion. Raises KubeError."""
    try:
        return await _pages(transport, path, {**selector, "limit": str(page)}, clean, limited)
    except Gone:
        # The version was compacted before the last page was read. A single answer has no such problem.
        return await _pages(transport, path, selector, clean, limited)


async def _pages(
    transport: Transport, path: str, query: Mapping[str, str], clean: Callable[[Object], Object], limited: bool
) -> ObjectList:
    items: list[Object] = []
    rest: Mapping[str, str] = {}
    while True:
        answer = await transport.send(Request("list", path, {**query, **rest}, limited=limited))
        items += map(clean, answer.get("items") or ())
        meta = answer.get("metadata") or {}
        if not meta.get("continue"):
            return ObjectList(tuple(items), int(meta.get("resourceVersion") or 0))
        rest = {"continue": meta["continue"]}
