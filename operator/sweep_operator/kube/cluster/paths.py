"""URL paths of the resources."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from sweep_operator.kube.protocol import API_VERSIONS, Invalid, Kind

_PLURALS: Mapping[Kind, str] = {
    Kind.SWEEP: "sweeps",
    Kind.SWEEP_RUN: "sweepruns",
    Kind.JOB: "jobs",
    Kind.POD: "pods",
    Kind.SERVICE: "services",
    Kind.CONFIG_MAP: "configmaps",
    Kind.CLAIM: "persistentvolumeclaims",
    Kind.REVISION: "controllerrevisions",
    Kind.EVENT: "events",
    Kind.LEASE: "leases",
}


def resource(kind: Kind) -> tuple[str, str, str]:
    """(group, version, plural); the core group is empty."""
    group, _, version = API_VERSIONS[kind].rpartition("/")
    return group, version, _PLURALS[kind]


def collection(kind: Kind, namespace: str | None) -> str:
    """Path of all objects of a kind, in one namespace or (None) in all."""
    version = API_VERSIONS[kind]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = "" if namespace is None else f"/namespaces/{segment('metadata.namespace', namespace)}"
    return f"{root}{place}/{_PLURALS[kind]}"


def item(kind: Kind, namespace: str, name: str, subresource: str = "") -> str:
    """Path of one object, or of its subresource."""
    path = f"{collection(kind, namespace)}/{segment('metadata.name', name)}"
    return f"{path}/{subresource}" if subresource else path


def segment(field: str, name: str) -> str:
    """Escape a name for a path. Raises Invalid."""
    # An empty name or ".." names another resource: a DELETE of "pods/.." would ask for the namespace.
    if name in ("", ".", "..") or "/" in name:
        raise Invalid(f"{field}: {name!r} is not a valid name; use a-z, 0-9, '-' and '.'")
    return quote(name, safe="")
