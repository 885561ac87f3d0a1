"""TypeScript types of the page's data, from the pydantic models that the server answers with."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pydantic.json_schema import models_json_schema

from sweep_operator.api.model import Model
from sweep_operator.views.page import explanations, messages, models, run_models

Schema = Mapping[str, Any]
_HEADER = "// Generated from the models in operator/sweep_operator/views/page by `make generate`.\n"
_NAMES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_QUESTIONS = ("Ask", "ActionRequest")
"""How the names of models begin that clients send."""
_SCALAR = ["boolean", "number", "string"]


def generated() -> dict[str, str]:
    """Map from path (relative to the repository root) to content."""
    return {"web/src/api.ts": typescript(run_models, explanations, models, messages)}


def typescript(*modules: ModuleType) -> str:
    """An interface for each model that the modules define."""
    found = [
        model
        for module in modules
        for model in vars(module).values()
        if inspect.isclass(model) and issubclass(model, Model) and model.__module__ == module.__name__
    ]
    _, schema = models_json_schema([(model, "serialization") for model in found], by_alias=True)
    known = schema["$defs"]
    parts = [_HEADER, f"export type Scalar = {' | '.join(_SCALAR)};\n"]
    return "\n".join([*parts, *("\n".join([*_interface(model, known), ""]) for model in found)])


def _interface(model: type[Model], known: Schema) -> Iterator[str]:
    schema, base = known[model.__name__], known.get(model.__bases__[0].__name__)
    yield from _comment(schema.get("description", ""), "")
    yield f"export interface {model.__name__} {f'extends {model.__bases__[0].__name__} ' if base else ''}{{"
    # An answer has every field; of a question, those with a default can be omitted.
    required = schema.get("required", ()) if model.__name__.startswith(_QUESTIONS) else schema["properties"]
    for field, node in schema["properties"].items():
        if base and field in base["properties"]:
            continue
        yield from _comment(node.get("description", ""), "  ")
        yield f"  {field}{'' if field in required else '?'}: {_type(node)};"
    yield "}"


def _comment(text: str, indent: str) -> Iterator[str]:
    if text:
        yield f"{indent}/** {' '.join(text.split())} */"


def _type(node: Schema) -> str:
    if "$ref" in node:
        return str(node["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in node:
        parts = list(dict.fromkeys(_type(branch) for branch in node["anyOf"]))
        if set(_SCALAR) <= set(parts):
            parts = ["Scalar", *(part for part in parts if part not in _SCALAR)]
        return " | ".join(parts)
    if "enum" in node or "const" in node:
        return " | ".join(json.dumps(value) for value in node.get("enum", [node.get("const")]))
    if node.get("type") == "array":
        item = _type(node["items"])
        return f"({item})[]" if " " in item else f"{item}[]"
    if node.get("type") == "object":
        extra = node.get("additionalProperties")
        return f"Record<string, {_type(extra) if isinstance(extra, Mapping) and extra else 'unknown'}>"
    return _NAMES[node["type"]]
