"""values.schema.json: the models of the values as helm reads schemas, so that its messages lead to the key.

Every definition stands where it is used, a value that may be absent is absent and not null, and the records' own
documentation gives way to the comments of values.yaml.
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
"""Namespaces are named with scope: namespaced only; an account that is not made must be named."""


def values_schema(descriptions: Mapping[str, str]) -> Schema:
    """``descriptions``: by path, such as ``image.tag``."""
    whole = Values.model_json_schema(by_alias=True, mode="validation")
    schema = _inlined(whole, whole.get("$defs") or {}) | {"description": "Values of the chart sweep-operator."}
    _described(schema, "", descriptions)
    # what helm puts in by itself, for charts of which this is a part
    schema["properties"]["global"] = {"type": "object"}
    schema["properties"]["enabled"] = {"type": "boolean", "description": "For such a chart's condition; not read here."}
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "allOf": _RULES}


def at(schema: Schema, path: str) -> Schema:
    """The schema of one value."""
    for part in path.split("."):
        schema = schema["properties"][part]
    return schema


def _inlined(node: Any, defs: Schema) -> Any:
    if isinstance(node, bool):
        return node  # false: not this one
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
