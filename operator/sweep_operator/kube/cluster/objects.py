"""Converts objects of the API server to those of the Kube protocol."""

from __future__ import annotations

from collections.abc import Callable

from sweep_operator.kube.protocol import API_VERSIONS, Kind, Object


def type_of(kind: Kind) -> Object:
    """``apiVersion`` and ``kind``."""
    return {"apiVersion": API_VERSIONS[kind], "kind": kind.value}


def cleaner(kind: Kind) -> Callable[[Object], Object]:
    """A function that adds the type (items of a LIST have none) and removes managedFields. It copies its argument."""
    of_its_type = type_of(kind)

    def clean(obj: Object) -> Object:
        metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
        return {**of_its_type, **obj, "metadata": metadata}

    return clean
