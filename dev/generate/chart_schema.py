"""values.schema.json, from the models of the values.

helm's error messages name the key only if definitions are inlined, so there are no references. An optional value is
absent and never null. Descriptions come from the comments of values.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dev.generate.chart_values import Values

Schema = dict[str, Any]
_DROPPED = ("title", "default", "$defs", "anyOf")
_RULES: list[Schema] = [
    {
        "if": {"properties": {"scope": {"const": "cluster"}}},
        "then": {"properties": {"namespaces": {"maxItems": 0}}},
    },
    {
        "if": {"properties": {"serviceAccount": {"properties": {"create": {"const": False}}}}},
        "then": {"properties": {"serviceAccount": {"properties": {"name": {"minLength": 1}}}}},
    },
]
"""`namespaces` requires scope: namespaced. A ServiceAccount that the chart does not create needs a name."""


def values_schema(descriptions: Mapping[str, str]) -> Schema:
    """The JSON schema. ``descriptions`` maps a path such as ``image.tag`` to a text."""
    whole = Values.model_json_schema(by_alias=True, mode="validation")
    schema = _inlined(whole, whole.get("$defs") or {}) | {"description": "Values of the chart sweep-operator."}
    _described(schema, "", descriptions)
    # helm adds these if this chart is a dependency of another one
    schema["properties"]["global"] = {"type": "object"}
    schema["properties"]["enabled"] = {
        "type": "boolean",
        "description": "Condition of a parent chart. This chart does not read it.",
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "allOf": _RULES}


def at(schema: Schema, path: str) -> Schema:
    """Schema of the value at a path."""
    for part in path.split("."):
        schema = schema["properties"][part]
    return schema


def _inlined(node: Any, defs: Schema) -> Any:
    if isinstance(node, bool):
        return node  # false: this property is not allowed
    if "$ref" in node:
        target = defs[node["$ref"].rsplit("/", 1)[1]]
        beside = {k: v for k, v in node.items() if k != "$ref"}
        node = {**{k: v for k, v in target.items() if k != "description"}, **beside}
    branches = [b for b in node.get("anyOf") or [] if b.get("type") != "null"]
    if len(branches) == 1:
        return _inlined({**branches[0], **{k: v for k, v in node.items() if k != "anyOf"}}, defs)
    out = {k: v for k, v in node.items() if k not in _DROPPED}
    if branches:
        out["anyOf"] = [_inlined(b, defs) for b in branches]
    if "properties" in node:
        out["properties"] = {k: _inlined(v, defs) for k, v in node["properties"].items()}
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _inlined(node["additionalProperties"], defs)
    if "items" in node:
        out["items"] = _inlined(node["items"], defs)
    return out


def _described(node: Schema, path: str, descriptions: Mapping[str, str]) -> None:
    if path in descriptions:
        node["description"] = descriptions[path]
    for name, child in (node.get("properties") or {}).items():
        if isinstance(child, dict):
            _described(child, f"{path}.{name}" if path else name, descriptions)
