"""The base of every API model: camelCase on the wire, snake_case in Python, nothing unknown, immutable values."""

from __future__ import annotations

import ast
import functools
import inspect
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel, to_snake

from sweep_operator.api.visible_text import visible_text

Scalar = bool | int | float | str
"""A parameter value."""
JsonObject = dict[str, Any]
MAX_OPEN_DEPTH = 64
"""Levels of an object without a schema. Kubernetes' own types have fewer than 20."""


def _not_too_deep(value: JsonObject) -> JsonObject:
    level: list[Any] = [value]
    for _ in range(MAX_OPEN_DEPTH):
        level = [x for v in level if isinstance(v, (dict, list)) for x in (v.values() if isinstance(v, dict) else v)]
    if any(isinstance(v, (dict, list)) for v in level):
        raise ValueError(f"is nested more than {MAX_OPEN_DEPTH} levels deep")
    return value


OpenObject = Annotated[
    JsonObject,
    AfterValidator(_not_too_deep),
    Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}),
]
"""One of Kubernetes' own types, which passes through as it is."""
VisibleText = Annotated[str, AfterValidator(visible_text)]
"""Text for people that programs, users or servers may have written."""
Time = Annotated[datetime, Field(strict=False)]
"""RFC 3339 text on the wire."""
MAX_SECONDS = 10 * 365 * 86_400
"""Ten years: times and durations can be added without an overflow."""
STORED: Literal["stored"] = "stored"
INVALID: Literal["invalid"] = "invalid"
"""Contexts of validation: a stored object, and one whose spec this version cannot read completely."""


def _or_text(*contexts: str) -> WrapValidator:
    def validate(value: Any, known: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return value if info.context in contexts and isinstance(value, str) else known(value)

    return WrapValidator(validate)


OPEN = _or_text(STORED, INVALID)
"""For an enum in a status or in a run: a newer version may have stored a value that this one does not know."""
OPEN_IF_INVALID = _or_text(INVALID)
"""For an enum of a Sweep's spec whose default would be wrong. An unknown value makes the spec invalid."""


_FIELD_SETS: dict[frozenset[str], set[str]] = {}
"""The sets of given fields that records share. They are few, and nothing changes them."""


class Model(BaseModel):
    """A frozen record; ``extra='forbid'`` so that a misspelt field is an error and not a silent default.

    Strict, as the API server is: the text "5" is not an integer, and true is not a number. The docstring of a field is
    its description in the schema.
    """

    model_config = ConfigDict(
        defer_build=True,  # most processes use few of the models
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        strict=True,
    )

    def to_json(self) -> JsonObject:
        """As the API server stores it: defaults filled in, absent fields absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def given(self, *aliases: str) -> list[str]:
        """Those of the fields that are set, by their names on the wire."""
        return [alias for alias in aliases if getattr(self, to_snake(alias)) is not None]

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields replaced (the caller keeps to the types: nothing is validated again)."""
        return self.model_copy(update=changes)

    def compact(self) -> Self:
        """The record itself, in half the memory: it shares the sets of given fields with other records."""
        given = self.__pydantic_fields_set__
        object.__setattr__(self, "__pydantic_fields_set__", _FIELD_SETS.setdefault(frozenset(given), given))
        for name in _parts_of(type(self)):
            value = self.__dict__[name]
            for part in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(part, Model):
                    part.compact()
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> JsonObject:
        # pydantic's use_attribute_docstrings reads the source of every class at import, which takes 50 ms.
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for owner in reversed(cls.__mro__):
            for name, text in _field_docstrings(owner).items() if issubclass(owner, Model) else ():
                properties[cls.model_fields[name].alias or name]["description"] = text
        return schema


@functools.cache
def _parts_of(cls: type[Model]) -> tuple[str, ...]:
    """The fields that may contain models."""
    return tuple(name for name, field in cls.model_fields.items() if _may_be_model(field.annotation))


def _may_be_model(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return True
    return any(_may_be_model(part) for part in get_args(annotation))


def _field_docstrings(cls: type) -> dict[str, str]:
    """Field name to docstring, on one line."""
    body = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
