"""Converts objects of the API server to those of the Kube protocol."""

from __future__ import annotations

import sys
from collections.abc import Callable

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.kube.protocol import API_VERSIONS, Kind, Object

_INDEX_LENGTH = 16
_SERVER_DEPTH = 10_000
"""Nesting levels that an API server accepts in an object."""


def type_of(kind: Kind) -> Object:
    """``apiVersion`` and ``kind``."""
    return {"apiVersion": API_VERSIONS[kind], "kind": kind.value}


def cleaner(kind: Kind) -> Callable[[Object], Object]:
    """A function that adds the type (items of a LIST have none), and removes what only takes memory.

    That is managedFields, and annotations that nobody reads: users may write 256 KiB of them on each object. It copies
    its argument.
    """
    of_its_type = type_of(kind)

    def clean(obj: Object) -> Object:
        metadata = {k: v for k, v in obj["metadata"].items() if k not in ("managedFields", "annotations")}
        index = (obj["metadata"].get("annotations") or {}).get(INDEX_ANNOTATION)
        if index is not None:
            metadata["annotations"] = {INDEX_ANNOTATION: index[:_INDEX_LENGTH]}
        return {**of_its_type, **obj, "metadata": metadata}

    return clean


def accept_deep_objects() -> None:
    """Allow the JSON parser as many levels as an API server does.

    Otherwise a Sweep with a deeply nested pod template makes every LIST and watch of Sweeps fail with RecursionError,
    for all users. The models reject such objects one by one.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _SERVER_DEPTH + 1_000))
