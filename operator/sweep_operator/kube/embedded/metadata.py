"""An API server's rules for names, labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sweep_operator.kube.protocol import Invalid, Kind, Object

MAX_ANNOTATION_BYTES = 256 * 1024
"""Total size of the keys and values of one object's annotations."""
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def check_metadata(kind: Kind, obj: Object) -> None:
    """Raises Invalid with the field, its value and the allowed values."""
    name = obj["metadata"]["name"]
    if kind == Kind.SERVICE:
        if len(name) > 63 or not _LABEL_NAME.fullmatch(name):
            raise Invalid(
                f"metadata.name: {name!r} is not a valid DNS label; use at most 63 of a-z, 0-9 and '-', a letter first"
            )
    elif len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise Invalid(f"metadata.name: {name!r} is not a valid DNS subdomain; use at most 253 of a-z, 0-9, '-' and '.'")
    _check(obj["metadata"], "metadata")
    if kind == Kind.JOB:
        template = ((obj.get("spec") or {}).get("template") or {}).get("metadata") or {}
        _check(template, "spec.template.metadata")


def _check(meta: Mapping[str, Any], path: str) -> None:
    labels: Mapping[str, Any] = meta.get("labels") or {}
    annotations: Mapping[str, Any] = meta.get("annotations") or {}
    for key, value in labels.items():
        _check_key(key, f"{path}.labels")
        if not isinstance(value, str) or len(value) > 63 or (value and not _QUALIFIED.fullmatch(value)):
            raise Invalid(
                f"{path}.labels[{key!r}]: {value!r} is not a valid label value; "
                "use at most 63 letters, digits, '-', '_' and '.'"
            )
    total = 0
    for key, value in annotations.items():
        _check_key(key, f"{path}.annotations")
        if not isinstance(value, str):
            raise Invalid(f"{path}.annotations[{key!r}]: {value!r} is not a string; quote it")
        total += len(key.encode()) + len(value.encode())
    if total > MAX_ANNOTATION_BYTES:
        raise Invalid(f"{path}.annotations: {total} bytes in total; the maximum is {MAX_ANNOTATION_BYTES}")


def _check_key(key: str, path: str) -> None:
    prefix, slash, name = key.rpartition("/")
    well_formed = len(name) <= 63 and _QUALIFIED.fullmatch(name) is not None
    if slash:
        well_formed = well_formed and len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix.lower()) is not None
    if not well_formed:
        raise Invalid(
            f"{path}: {key!r} is not a valid key; use [<domain>/]<at most 63 letters, digits, '-', '_' and '.'>"
        )
