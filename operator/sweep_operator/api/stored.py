"""Stored objects of any version: read leniently, and written without losing what this version does not know.

The API server and state files can contain objects of a newer version. Readers ignore unknown fields, and writers keep
them. Strictness is for what users write: `errors.parse`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from sweep_operator.api.errors import FieldError, InvalidObject, M, field_errors, place_in, record_of
from sweep_operator.api.model import INVALID, STORED, JsonObject, Model

_LIST_KEYS = ("type", "n", "run")
"""Fields that identify an item of a list in a status, by the item's model."""

Place = tuple[str | int, ...]
_UNREADABLE = {"distribution": "categorical", "values": ["unreadable"]}
"""Stands for a parameter that this version cannot read. No new run gets its value: the Sweep is not accepted."""


def read(model: type[M], obj: Mapping[str, Any]) -> M:
    """``obj`` as ``model``, with the defaults of invalid fields. Raises InvalidObject if that is not possible."""
    return read_with_errors(model, obj)[0]


def read_with_errors(model: type[M], obj: Mapping[str, Any]) -> tuple[M, list[FieldError]]:
    """``obj`` as ``model``, and the errors of its invalid fields, such as an unknown enum value.

    An invalid field of the spec has its default. Other invalid fields, and required ones, raise InvalidObject.
    """
    try:
        return model.model_validate(obj, extra="ignore", context=STORED), []
    except ValidationError as error:
        errors, body = field_errors(error, model, obj), copy.deepcopy(dict(obj))
    while True:
        try:
            return model.model_validate(body, extra="ignore", context=INVALID), errors
        except ValidationError as error:
            places = {_removable(body, place_in(item["loc"], body)) for item in error.errors(include_url=False)}
            if None in places:
                raise InvalidObject(errors) from None
            _remove(body, {place for place in places if place is not None})


def _removable(body: JsonObject, place: list[str | int]) -> Place | None:
    """The place of an invalid field of a spec, or of the object that lacks a required field; None elsewhere.

    An invalid tracker is off: with the default of one of its fields, results could go to the wrong place.
    """
    if place[:2] == ["spec", "tracking"]:
        place = place[:2]
    if len(place) < 2 or place[0] == "status":
        return None
    at: Any = body
    for part in place[:-1]:
        at = at[part]
    if isinstance(at, dict) and place[-1] not in at:
        return _removable(body, place[:-1])
    return tuple(place)


def _remove(body: JsonObject, places: set[Place]) -> None:
    """Remove these places, all at once: each attempt to read a large object takes time.

    An invalid parameter keeps its name, which runs have values for.
    """
    whole = [place for place in places if not any(place[:n] in places for n in range(2, len(place)))]
    # The last items of a list go first, so that the numbers of the others stay valid.
    for place in sorted(whole, key=lambda place: [(isinstance(p, int), p) for p in place], reverse=True):
        at: Any = body
        for part in place[:-1]:
            at = at[part]
        if place[:2] == ("spec", "parameters") and len(place) == 3 and at[place[-1]] != _UNREADABLE:
            at[place[-1]] = _UNREADABLE
        else:
            del at[place[-1]]


def with_status(obj: Mapping[str, Any], status: Model) -> JsonObject:
    """``obj`` with a new status. Fields of a newer version stay in the status."""
    return {**obj, "status": keep_unknown(type(status), obj.get("status") or {}, status.to_json())}


def keep_unknown(model: type[BaseModel], old: Mapping[str, Any], new: Mapping[str, Any]) -> JsonObject:
    """``new``, with the fields of ``old`` that ``model`` does not know, at every depth.

    Items of lists are matched by the field that identifies them. An object or item that ``new`` lacks stays absent.
    """
    known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    out = {**{key: value for key, value in old.items() if key not in known}, **new}
    for key, annotation in known.items():
        inner, _ = record_of(annotation)
        if inner is None or key not in old or key not in new:
            continue
        if isinstance(old[key], Mapping) and isinstance(new[key], Mapping):
            out[key] = keep_unknown(inner, old[key], new[key])
        elif isinstance(old[key], list) and isinstance(new[key], list):
            identity = next((name for name in _LIST_KEYS if name in inner.model_fields), None)
            before = {item.get(identity): item for item in old[key] if isinstance(item, Mapping)}
            out[key] = [keep_unknown(inner, before.get(item.get(identity), {}), item) for item in new[key]]
    return out
