"""The base of every API model: camelCase on the wire, snake_case in Python, nothing unknown, immutable values."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sweep_operator.domain.visible_text import visible_text

Scalar = bool | int | float | str
"""A parameter value."""
JsonObject = dict[str, Any]
OpenObject = Annotated[JsonObject, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""One of Kubernetes' own types, which passes through as it is."""
VisibleText = Annotated[str, AfterValidator(visible_text)]
"""Text for people that programs, users or servers may have written."""
Time = Annotated[datetime, Field(strict=False)]
"""RFC 3339 text on the wire."""


class Model(BaseModel):
    """A frozen record; ``extra='forbid'`` so that a misspelt field is an error and not a silent default.

    Strict, as the API server is: the text "5" is no integer and true is no number.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False, strict=True
    )

    def to_json(self) -> JsonObject:
        """As the API server stores it: defaults filled in, absent fields absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields replaced (the caller keeps to the types: nothing is validated again)."""
        return self.model_copy(update=changes)
