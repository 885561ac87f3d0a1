"""What the index of the embedded Kube needs to know about an object, so that a start does not unpack all of them."""

from __future__ import annotations

import json
from typing import NamedTuple

from pydantic_core import from_json

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.kube.embedded.job_step import is_unfinished
from sweep_operator.kube.protocol import Kind, Object


class Head(NamedTuple):
    """The head of one object."""

    namespace: str
    name: str
    owners: tuple[str, ...]
    """Uids of its owners."""
    run: str | None
    """The run that it belongs to."""
    unfinished: bool
    """Whether a controller may have something to do for it: a Job or a pod."""


def owners_of(obj: Object) -> list[Object]:
    """Its ownerReferences."""
    return obj["metadata"].get("ownerReferences") or []


def head_of(obj: Object) -> Head:
    """The head of an object."""
    meta = obj["metadata"]
    return Head(
        meta.get("namespace", "default"),
        meta["name"],
        tuple(owner["uid"] for owner in owners_of(obj)),
        (meta.get("labels") or {}).get(RUN_LABEL),
        obj["kind"] in (Kind.JOB, Kind.POD) and is_unfinished(obj),
    )


def head_text(head: Head, version: int) -> str:
    """As the file stores it. An earlier version of this program changes the object and leaves the head as it is."""
    return json.dumps([version, *head], separators=(",", ":"))


def read_head(text: str | None, version: int) -> Head | None:
    """The head of this version of an object; None if the file has none of it. Raises ValueError, TypeError."""
    found, *fields = from_json(text or "[0]")
    if found != version or text is None:
        return None
    namespace, name, owners, run, unfinished = fields
    return Head(namespace, name, tuple(owners), run, unfinished)
