"""Convert the JSON schema of a pydantic model to the structural schema of a CRD.

Differences: no ``$ref``; no ``anyOf`` with null; ``const`` and unions of constants become enums;
``exclusiveMinimum`` is a boolean next to ``minimum`` (OpenAPI 3.0); ``properties`` and ``additionalProperties`` exclude
each other; a field with several types has no type and preserves unknown fields.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
OPEN = "x-kubernetes-preserve-unknown-fields"
_COPIED = (
    "type", "format", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems",
    "minProperties", "maxProperties", "required", OPEN,
)  # fmt: skip


def structural_schema(model: type[BaseModel], field: str) -> Schema:
    """Structural schema of one field (``spec`` or ``status``) of a resource's model."""
    whole = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(whole["properties"][field], whole.get("$defs") or {}) | {"type": "object"}


def _convert(node: Schema, defs: Schema) -> Schema:
    node = _resolve(node, defs)
    if "anyOf" in node:
        return _union(node, defs)
    out: Schema = {k: node[k] for k in _COPIED if k in node}
    if "const" in node:
        out["enum"] = [node["const"]]
    _describe(node, out)
    _bounds(node, out)
    if out.get("type") == "integer":
        out.setdefault("format", "int64")
    if "items" in node:
        out["items"] = _convert(node["items"], defs)
    extra, default = node.get("additionalProperties"), node.get("default")
    if "properties" in node:
        out["properties"] = {k: _convert(v, defs) for k, v in node["properties"].items()}
        # The API server fills an empty object with the defaults of its fields.
        default = {} if default is not None and not out.get("required") else None
    elif isinstance(extra, dict):
        out["additionalProperties"] = _convert(extra, defs)
    elif extra is True:
        out[OPEN] = True
    if default is not None:
        out["default"] = default
    return out


def _resolve(node: Schema, defs: Schema) -> Schema:
    """Replace a reference by its definition. Keys next to the reference take precedence."""
    while "$ref" in node or len(node.get("allOf") or []) == 1:
        if "$ref" in node:
            target = defs[node["$ref"].rsplit("/", 1)[1]]
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        else:
            node = {**node["allOf"][0], **{k: v for k, v in node.items() if k != "allOf"}}
    return node


def _union(node: Schema, defs: Schema) -> Schema:
    """Convert a union. Null means absent. Several types become no type, with the constraints that apply to each."""
    beside = {k: v for k, v in node.items() if k != "anyOf"}
    branches = [b for b in node["anyOf"] if b.get("type") != "null"]
    if len(branches) == 1:
        return _convert({**_resolve(branches[0], defs), **beside}, defs)
    out: Schema = {OPEN: True}
    words: list[str] = []
    for branch in (_resolve(b, defs) for b in branches):
        if branch.get("type") in ("number", "integer"):
            _bounds(branch, out)
            out |= {k: branch[k] for k in ("minimum", "maximum") if k in branch}
        out |= {k: branch[k] for k in ("pattern",) if k in branch}
        words += branch.get("enum") or ([branch["const"]] if "const" in branch else [])
    if words:
        out["pattern"] = f"^({'|'.join(words)})$"
    _describe(node, out)
    if node.get("default") is not None:
        out["default"] = node["default"]
    return out


def _describe(node: Schema, out: Schema) -> None:
    if node.get("description"):
        out["description"] = " ".join(str(node["description"]).split())


def _bounds(node: Schema, out: Schema) -> None:
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in node:
            out[plain] = node[exclusive]
            out[exclusive] = True
