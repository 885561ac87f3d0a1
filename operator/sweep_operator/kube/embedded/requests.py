"""The object that a request to create or to patch results in."""

from __future__ import annotations

import uuid
from datetime import datetime

from sweep_operator.domain.times import time_text
from sweep_operator.kube.embedded.objects import merge_patch, normalize
from sweep_operator.kube.embedded.volumes import unsupported
from sweep_operator.kube.protocol import API_VERSIONS, Invalid, Kind, Object

_WITH_STATUS = (Kind.SWEEP, Kind.SWEEP_RUN, Kind.JOB, Kind.POD)
_SERVERS_OWN = (
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion",
    "name", "namespace",
)  # fmt: skip


def requested(kind: Kind, body: Object) -> Object:
    """The object to create, with a namespace and a name. Raises Invalid."""
    obj: Object = normalize({**body, "apiVersion": API_VERSIONS[kind], "kind": kind.value})
    meta = obj.setdefault("metadata", {})
    meta.setdefault("namespace", "default")
    if not meta.get("name"):
        if not meta.get("generateName"):
            raise Invalid("metadata.name: required field is missing; add it")
        meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
    return obj


def initialize(kind: Kind, obj: Object, now: datetime) -> None:
    """Replace what only the server sets."""
    if kind in _WITH_STATUS:
        obj.pop("status", None)
    meta = obj["metadata"]
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"):
        meta.pop(field, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": time_text(now), "generation": 1}


def patched(kind: Kind, old: Object, patch: Object) -> Object:
    """``old`` after a merge patch of everything but status and what only the server sets. Raises Invalid."""
    changes = {k: v for k, v in patch.items() if not (k == "status" and kind in _WITH_STATUS)}
    new: Object = normalize(merge_patch(old, changes)) | {"apiVersion": old["apiVersion"], "kind": old["kind"]}
    for field in _SERVERS_OWN:
        if field in old["metadata"]:
            new["metadata"][field] = old["metadata"][field]
        else:
            new["metadata"].pop(field, None)
    return new


def refuse_volumes(kind: Kind, obj: Object) -> None:
    """Raise Invalid for volumes that are not supported on one machine."""
    spec = obj.get("spec") or {}
    if kind == Kind.JOB:
        spec = (spec.get("template") or {}).get("spec") or {}
    problems = unsupported(spec) if kind in (Kind.POD, Kind.JOB) else []
    if problems:
        raise Invalid("; ".join(problems))
