"""A LIST in pages, all of one resourceVersion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace

from sweep_operator.kube.cluster.transport import Request, Transport, object_of
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
        return await _joined(pages(transport, path, {**selector, "limit": str(page)}, clean=clean, limited=limited))
    except Gone:
        # The version was compacted before the last page was read. A single answer has no such problem.
        return await _joined(pages(transport, path, selector, clean=clean, limited=limited))


async def _joined(parts: AsyncIterator[ObjectList]) -> ObjectList:
    items, version = list[Object](), 0
    async for part in parts:
        items += part.items
        version = part.resource_version
    return ObjectList(tuple(items), version)


async def pages(
    transport: Transport,
    path: str,
    query: Mapping[str, str],
    *,
    clean: Callable[[Object], Object],
    limited: bool = True,
) -> AsyncIterator[ObjectList]:
    """The objects page by page. Raises KubeError: Gone if the pages have been read too slowly.

    While a page is used, the next one is asked for. It is parsed when it is needed: its objects may take tens of MB.
    """
    request = Request("list", path, query, limited=limited)
    reading = asyncio.create_task(transport.read(request))
    try:
        more = True
        while more:
            answer = object_of(await reading, request)
            meta, items = answer.get("metadata") or {}, answer.pop("items", None) or ()
            more = bool(meta.get("continue"))
            if more:
                request = replace(request, query={**query, "continue": meta["continue"]})
                reading = asyncio.create_task(transport.read(request))
            page = [ObjectList(tuple(map(clean, items)), int(meta.get("resourceVersion") or 0))]
            del items
            yield page.pop()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
