"""Objects as the Kube protocol has them, from what an API server sends."""

from __future__ import annotations

from collections.abc import Callable

from sweep_operator.kube.protocol import API_VERSIONS, Kind, Object


def type_of(kind: Kind) -> Object:
    """``apiVersion`` and ``kind``."""
    return {"apiVersion": API_VERSIONS[kind], "kind": kind.value}


def cleaner(kind: Kind) -> Callable[[Object], Object]:
    """Makes objects whole (the items of a LIST come without a type) and smaller; what it is given stays as it is."""
    of_its_type = type_of(kind)

    def clean(obj: Object) -> Object:
        metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
        return {**of_its_type, **obj, "metadata": metadata}

    return clean
