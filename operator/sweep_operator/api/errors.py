"""Errors of bad input: each names the field, the value and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with one field."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidObject(ValueError):
    """An object that the models refuse. ``errors`` lists everything that is wrong with it."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], body: Mapping[str, Any]) -> M:
    """What a user wrote, as ``model``: strict. Raises InvalidObject with one FieldError per problem."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidObject(field_errors(error, model, body)) from None


def field_errors(error: ValidationError, model: type[BaseModel], body: object) -> list[FieldError]:
    """pydantic's findings in the words of the manifest: ``spec.parameters['a.b'].min: 0 is not a power of two``."""
    found: dict[str, FieldError] = {}
    for item in error.errors(include_url=False):
        loc = place_in(item["loc"], body)
        path, message = field_path(loc), _message(item, loc, model)
        # A validator that judges a whole record names the field first: "min: 0 is not ...".
        head = _FIELD_FIRST.match(message)
        if head:
            sub = head.group(1)
            path += sub if sub.startswith("[") or not path else "." + sub
            message = message[head.end() :]
        path = _BARE_KEY.sub(lambda m: f"['{m.group(1)}']", path)
        found.setdefault(path, FieldError(path, message))
    return list(found.values())


_FIELD_FIRST = re.compile(r"((?:\[[^\]]*\]|[a-zA-Z][a-zA-Z_]*)(?:\.[a-zA-Z_]+|\[[^\]]*\])*): ")
_BARE_KEY = re.compile(r"\[([A-Za-z_][^\]']*)\]")


def field_path(loc: Sequence[str | int]) -> str:
    """``('spec', 'parameters', 'a.b', 'min')`` as ``spec.parameters['a.b'].min``."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif "." in part or path.endswith((".parameters", ".fixed")):
            path += f"['{part}']"
        else:
            path += f".{part}" if path else part
    return path


def place_in(loc: Sequence[str | int], body: object) -> list[str | int]:
    """``loc`` as far as it leads through ``body`` (plus a missing or unknown last key); pydantic adds branch names."""
    out: list[str | int] = []
    at: object = body
    for part in loc:
        if isinstance(at, Mapping) and isinstance(part, str):
            out.append(part)
            at = at.get(part)
        elif isinstance(at, Sequence) and not isinstance(at, str) and isinstance(part, int) and part < len(at):
            out.append(part)
            at = at[part]
        else:
            break
    return out


def _message(item: Any, loc: Sequence[str | int], model: type[BaseModel]) -> str:
    kind, value, context = item["type"], item.get("input"), item.get("ctx") or {}
    if kind == "missing":
        return "is missing; add it"
    if kind == "extra_forbidden":
        known = _fields_at(model, loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), known, n=1)
        return "unknown field" + (f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}")
    if kind in ("value_error", "assertion_error"):
        return str(item["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        return f"{_shown(value)} is not one of {context.get('expected')}"
    if kind == "finite_number":
        return f"{_shown(value)} is not a finite number; write a number"
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return f"{_shown(value)} is not a string; put it in quotes"
    if value is None:
        return "is empty (null); give a value or remove the line"
    text = str(item["msg"]).removeprefix("Input ").replace("should be a valid", "is not a valid")
    return f"{_shown(value)} {text}"


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _fields_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Names of the fields of the record that ``loc`` leads to."""
    at: type[BaseModel] | None = model
    inside_container = False
    for part in loc:
        if inside_container:
            inside_container = False
            continue
        field = next((f for n, f in at.model_fields.items() if (f.alias or n) == part), None) if at else None
        if field is None:
            return []
        at, inside_container = record_of(field.annotation)
    return sorted(f.alias or n for n, f in at.model_fields.items()) if at else []


def record_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model inside Optional, list and dict, and whether a key or an index leads to it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        found, _ = record_of(inner)
        if found is not None:
            return found, get_origin(annotation) in (list, dict)
    return None, False
